package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.State;

/**
 * A straight line from {@code start} to 1 over {@code updates} updates, then another schedule, which begins at its own
 * update 0.
 */
public record WarmUp(long updates, double start, Schedule then) implements Schedule {
    public WarmUp {
        if (updates < 0) {
            throw new IllegalArgumentException("A warm-up must take >= 0 updates but takes " + updates + ".");
        }
        Factors.requireFactor("start", start);
    }

    @Override
    public double at(long step) {
        return step < updates ? start + (1 - start) * step / updates : then.at(step - updates);
    }

    @Override
    public String phase(long step) {
        return step < updates ? "warm-up" : then.phase(step - updates);
    }

    @Override
    public void observe(double metric) {
        then.observe(metric);
    }

    @Override
    public State state() {
        return new State().put("then", then);
    }

    @Override
    public void load(State saved) {
        then.load(saved.child("then"));
    }
}
