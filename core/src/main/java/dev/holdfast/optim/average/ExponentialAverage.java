package dev.holdfast.optim.average;

import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.WeightAverager;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;

/**
 * Exponential moving average of leaves, written into leaves of its own (those of a copy of the network):
 * {@code average := a average + (1 - a) now}, where a is the schedule's value at the number of updates so far. It takes in
 * leaves only; buffers such as the statistics of a batch norm are not averaged. One thread.
 */
public final class ExponentialAverage implements WeightAverager {
    private final Schedule alpha;
    private Parameters into;
    private long updates;

    /**
     * An average that begins with the present values of {@code into}.
     *
     * @param alpha share of the old average by update, from 0; in [0, 1]
     */
    public ExponentialAverage(Parameters into, Schedule alpha) {
        this.into = into;
        this.alpha = alpha;
    }

    @Override
    public void update(Parameters now, Step step) {
        requireLike(now);
        double a = nextShare();
        if (!(a >= 0 && a <= 1)) {
            throw new IllegalStateException(
                    "The share of the old average must be in [0, 1] but is " + a + " at update " + updates + ".");
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            for (int i = 0; i < into.size(); i++) {
                into.get(i).mul_(Tensors.scalar(a)).add_(now.get(i).detach(), Tensors.scalar(1 - a));
            }
        }
        updates++;
    }

    /** Share of the old average in the coming update. */
    public double nextShare() {
        return alpha.at(updates);
    }

    /** Goes on with these leaves, which hold the average now (a grown head). */
    public void rebind(Parameters leaves) {
        into = leaves;
    }

    private void requireLike(Parameters now) {
        for (int i = 0; i < Math.max(now.size(), into.size()); i++) {
            if (i >= now.size()
                    || i >= into.size()
                    || !now.meta().get(i).name().equals(into.meta().get(i).name())) {
                throw new IllegalArgumentException("The average has " + into.size() + " leaves but was given "
                        + now.size() + ", or leaf " + i + " has another name."
                        + "\nMaybe the network grew and the average was not bound anew.");
            }
            Tensors.requireShape(
                    "leaf '" + now.meta().get(i).name() + "' of an average",
                    now.get(i),
                    into.get(i).shape());
        }
    }

    @Override
    public ParamVector average() {
        return into.values();
    }

    /** Updates taken in. */
    public long updates() {
        return updates;
    }

    /** The number of updates; the average itself is the state of the network whose leaves hold it. */
    @Override
    public State state() {
        return new State().put("updates", updates);
    }

    @Override
    public void load(State saved) {
        long u = saved.integer("updates");
        if (u < 0) {
            throw new IllegalArgumentException("The saved average has taken in " + u + " updates; expected >= 0.");
        }
        updates = u;
    }
}
