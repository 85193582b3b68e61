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

    /**
     * A line from {@code 1/warm} to 1 over the first {@code warm} updates, then half a cosine that is at its floor in the last
     * of {@code all} updates: the schedule of arXiv 2309.14322.
     *
     * @param warm updates of warm-up, >= 1
     * @param all updates, > warm
     * @param peak rate where the factor is 1, > 0
     * @param floor rate of the last update, in [0, peak]: a rate, not a factor
     */
    public static WarmUp toFloor(long warm, long all, double peak, double floor) {
        if (warm < 1 || all <= warm) {
            throw new IllegalArgumentException(
                    "A warm-up within a training needs 1 <= warm < all but has " + warm + " of " + all + " updates.");
        }
        if (!(peak > 0) || !(floor >= 0 && floor <= peak)) {
            throw new IllegalArgumentException(
                    "A rate that ends at a floor needs 0 <= floor <= peak, peak > 0, but has " + floor + " and " + peak
                            + ".");
        }
        return new WarmUp(warm - 1, 1.0 / warm, new Cosine(all - warm, floor / peak, 0));
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
