package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.State;

/**
 * A rate that shrinks with small batches: factor {@code min(1, n / full)}, where n is the size of the batch that {@link
 * #observe} was last told; 1 before that. Used for adaptation on streams, whose batches may be single rows. One thread.
 */
public final class BatchScaled implements Schedule {
    private final int full;
    private double factor = 1;

    /** @param full rows from which on the rate is the full one, >= 1 */
    public BatchScaled(int full) {
        if (full < 1) {
            throw new IllegalArgumentException("The batch size of the full rate must be >= 1 row but is " + full + ".");
        }
        this.full = full;
    }

    @Override
    public double at(long step) {
        return factor;
    }

    /** Takes the number of rows of the coming batch. */
    @Override
    public void observe(double rows) {
        if (!(rows >= 1)) {
            throw new IllegalArgumentException("A batch has at least one row but " + rows + " were said.");
        }
        factor = Math.min(1, rows / full);
    }

    @Override
    public State state() {
        return new State().put("factor", factor);
    }

    @Override
    public void load(State saved) {
        double f = saved.number("factor");
        Factors.requireFactor("factor", f);
        factor = f;
    }
}
