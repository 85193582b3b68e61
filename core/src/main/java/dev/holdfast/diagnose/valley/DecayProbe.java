package dev.holdfast.diagnose.valley;

import dev.holdfast.optim.schedule.BranchingTrainer;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.tensor.Stateful;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/**
 * Lets the rate fall on a branch that is thrown away, and looks at the loss on the way: how far above the river a training at
 * a constant rate is. A height that is small against what further training brings says that no fall is due. Wen et al., arXiv
 * 2410.05192. Immutable; safe from any thread.
 *
 * @param updates of the fall
 * @param floor factor at its end
 * @param looks places at which is looked, at least 2: before the first update, after the last, and between
 */
public record DecayProbe(long updates, double floor, Shape shape, int looks) {
    private static final double SHARE = 0.02;

    public DecayProbe {
        if (updates < 1 || looks < 2 || looks > updates + 1) {
            throw new IllegalArgumentException("A probe needs at least one update and 2 to updates + 1 looks but has "
                    + updates + " and " + looks + ".");
        }
        // checks floor and shape
        StableDecay.once(0, updates + 1, updates, floor, shape);
    }

    /** A short one: 2 % of the updates so far, down to a tenth by the inverse shape, looked at before and after. */
    public static DecayProbe after(long done) {
        return new DecayProbe(Math.max(1, Math.round(SHARE * done)), 0.1, Shape.INVERSE, 2);
    }

    /**
     * One look.
     *
     * @param update updates of the fall that are done
     * @param factor of the latest of them; 1 before the first
     * @param sharpness largest eigenvalue of the loss; NaN where nobody asked
     */
    public record Look(long update, double factor, double loss, double sharpness) {}

    /** All looks, from the full rate to the floor. */
    public record Descent(List<Look> looks) {
        public Descent {
            looks = List.copyOf(looks);
        }

        /** Loss before the fall less the loss after it. */
        public double hillHeight() {
            return looks.get(0).loss() - looks.get(looks.size() - 1).loss();
        }
    }

    /** Only the losses. */
    public <T extends Stateful> Descent run(
            BranchingTrainer.Maker<T> maker, Consumer<T> step, T now, long done, ToDoubleFunction<T> loss) {
        return run(maker, step, now, done, loss, t -> Double.NaN);
    }

    /**
     * Runs a branch from where {@code now} stands, on the data that it would read next; {@code now} does not change.
     *
     * @param maker makes what the state of {@code now} is loaded into
     * @param done updates that {@code now} has made, at least 1
     * @param loss on data that do not change
     * @param sharpness for example by {@link TokenHessian}
     */
    public <T extends Stateful> Descent run(
            BranchingTrainer.Maker<T> maker,
            Consumer<T> step,
            T now,
            long done,
            ToDoubleFunction<T> loss,
            ToDoubleFunction<T> sharpness) {
        if (done < 1) {
            throw new IllegalArgumentException(
                    "A probe needs a training with at least one update but it has " + done + ".");
        }
        StableDecay factor = StableDecay.once(0, done + updates, updates, floor, shape);
        T branch = maker.make(factor, 0);
        branch.load(now.state());
        List<Look> seen = new ArrayList<>();
        seen.add(new Look(0, 1, loss.applyAsDouble(branch), sharpness.applyAsDouble(branch)));
        for (long t = 1; t <= updates; t++) {
            step.accept(branch);
            // the k-th look is after k / (looks - 1) of the fall
            if (t == updates * seen.size() / (looks - 1)) {
                seen.add(new Look(
                        t, factor.at(done + t - 1), loss.applyAsDouble(branch), sharpness.applyAsDouble(branch)));
            }
        }
        return new Descent(seen);
    }
}
