package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Stateless;

/** The same factor for ever. */
public record Constant(double factor) implements Schedule, Stateless {
    /** Factor 1. */
    public static final Constant ONE = new Constant(1);

    public Constant {
        Factors.requireFactor("factor", factor);
    }

    @Override
    public double at(long step) {
        return factor;
    }
}
