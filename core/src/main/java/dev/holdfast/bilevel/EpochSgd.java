package dev.holdfast.bilevel;

import dev.holdfast.config.Doc;
import dev.holdfast.tensor.ParamVector;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Epoch-SGD: from epoch to epoch the step is halved, the number of steps doubled, and the ball around the epoch's start, which
 * no iterate leaves, shrinks by the square root of 2; the next epoch starts from the mean of the iterates. Hazan and Kale,
 * JMLR 2014; the initialization refinement of arXiv 2401.09587. Immutable; safe from any thread.
 *
 * @param rate step of the first epoch, > 0
 * @param steps steps of the first epoch, at least 1
 * @param radius radius of the first ball, > 0
 * @param budget steps in all, which may cut the last epoch short; 0 = no refinement
 */
public record EpochSgd(
        @Doc("rate of the first epoch") double rate,
        @Doc("steps of the first epoch") int steps,
        @Doc("radius of the first epoch's ball") double radius,
        @Doc("steps in all; 0 = no refinement") int budget) {
    public EpochSgd {
        if (!(rate > 0) || Double.isInfinite(rate) || steps < 1 || !(radius > 0) || budget < 0) {
            throw new IllegalArgumentException("Epoch-SGD needs a finite rate > 0, steps >= 1, radius > 0 and budget >="
                    + " 0 but has " + rate + ", " + steps + ", " + radius + " and " + budget + ".");
        }
    }

    /** No step at all. */
    public static EpochSgd none() {
        return new EpochSgd(1, 1, 1, 0);
    }

    /**
     * Moves the lower variables.
     *
     * @param batches of the k-th step
     * @return the mean of each epoch's iterates; they outlive every scope
     */
    public <B> List<ParamVector> run(BilevelProblem<B> p, IntFunction<B> batches) {
        List<ParamVector> means = new ArrayList<>();
        int done = 0;
        for (int k = 0; done < budget; k++) {
            int first = done;
            int now = (int) Math.min(budget - done, (long) steps << Math.min(k, 31));
            LowerSteps.run(
                    p, q -> batches.apply(first + q), now, Math.scalb(rate, -k), radius / Math.pow(2, k / 2.0), true);
            done += now;
            means.add(p.lower().copy());
        }
        return means;
    }
}
