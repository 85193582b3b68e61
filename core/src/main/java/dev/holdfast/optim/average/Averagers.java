package dev.holdfast.optim.average;

import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.schedule.SigmoidRamp;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Stateless;

/** The usual running averages of weights. */
public final class Averagers {
    private Averagers() {}

    /** Share {@code min(1 - 1/(k + 2), alpha)} at update k = 0, 1, ...: a plain mean at first, then exponential. */
    public static ExponentialAverage capped(Parameters into, double alpha) {
        return new ExponentialAverage(into, new Capped(requireShare(alpha)));
    }

    /**
     * Share {@code alpha * r(k + 2)} at update k = 0, 1, ..., r a sigmoid ramp of that length: no average at first, a long
     * one later (Liu et al., arXiv 2007.00151, authors' code).
     */
    public static ExponentialAverage ramped(Parameters into, double alpha, long length) {
        return new ExponentialAverage(into, new Ramped(requireShare(alpha), new SigmoidRamp(length)));
    }

    private static double requireShare(double alpha) {
        if (!(alpha >= 0 && alpha < 1)) {
            throw new IllegalArgumentException("The share of the old average must be in [0, 1) but is " + alpha + ".");
        }
        return alpha;
    }

    private record Capped(double alpha) implements Schedule, Stateless {
        @Override
        public double at(long k) {
            return Math.min(1 - 1.0 / (k + 2), alpha);
        }
    }

    private record Ramped(double alpha, SigmoidRamp ramp) implements Schedule, Stateless {
        @Override
        public double at(long k) {
            return alpha * ramp.at(k + 2);
        }
    }
}
