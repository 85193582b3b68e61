package dev.holdfast.bilevel;

import dev.holdfast.config.Doc;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.schedule.Constant;

/**
 * How {@link BoRep} runs; the parts that the paper adds can be switched off, and its baselines are settings.
 *
 * @param solver how the curvature of the lower loss is inverted
 * @param outerRate rate of x, > 0; with normalised momentum the distance of every move
 * @param schedule factor on the rate of x by outer step
 * @param beta momentum of x, in [0, 1)
 * @param momentumFromFirst whether the momentum starts as the first hypergradient, otherwise from zero
 * @param normalized whether x moves along the momentum at unit length, otherwise along the momentum as it is
 * @param lower how y follows
 * @param refinement how y is brought close to its minimum before x moves for the first time
 */
public record BoRepConfig(
        InverseHvp solver,
        @Doc("rate of the upper variables") double outerRate,
        @Doc("factor on that rate by outer step") Schedule schedule,
        @Doc("momentum of the upper variables, in [0, 1)") double beta,
        @Doc("whether momentum starts as the first hypergradient") boolean momentumFromFirst,
        @Doc("whether every move has the length of the rate") boolean normalized,
        Lower lower,
        EpochSgd refinement) {
    public BoRepConfig {
        if (solver == null || schedule == null || lower == null || refinement == null) {
            throw new IllegalArgumentException(
                    "A bilevel run needs a solver, a schedule, a lower update and a refinement.");
        }
        if (!(outerRate > 0) || Double.isInfinite(outerRate)) {
            throw new IllegalArgumentException("outerRate must be finite and > 0 but is " + outerRate + ".");
        }
        if (!(beta >= 0 && beta < 1)) {
            throw new IllegalArgumentException("beta must be in [0, 1) but is " + beta + ".");
        }
    }

    /**
     * Steps of stochastic gradient descent on g, every few outer steps.
     *
     * @param rate step length, > 0
     * @param steps N, at least 1
     * @param period I: y moves in every I-th outer step, at least 1
     * @param radius R: no iterate leaves the ball of this radius around the y before; infinite = no ball
     * @param average whether y becomes the mean of the iterates, otherwise the last
     * @param atStart whether y also moves in outer step 0
     */
    public record Lower(
            @Doc("rate of the lower variables") double rate,
            @Doc("steps of a lower update") int steps,
            @Doc("outer steps from lower update to lower update") int period,
            @Doc("radius of the ball that a lower update stays in") double radius,
            @Doc("whether a lower update ends at the mean of its iterates") boolean average,
            @Doc("whether the first outer step has a lower update, too") boolean atStart) {
        public Lower {
            if (!(rate > 0) || Double.isInfinite(rate) || steps < 1 || period < 1 || !(radius > 0)) {
                throw new IllegalArgumentException("A lower update needs a finite rate > 0, steps >= 1, period >= 1 and"
                        + " radius > 0 but has " + rate + ", " + steps + ", " + period + " and " + radius + ".");
            }
        }
    }

    /** BO-REP as in the paper: normalised momentum 0.9, an averaged lower update in a ball in every second step. */
    public static BoRepConfig boRep(double outerRate, double innerRate) {
        return new BoRepConfig(
                new InverseHvp.Neumann(10, 0),
                outerRate,
                Constant.ONE,
                0.9,
                true,
                true,
                new Lower(innerRate, 10, 2, 1, true, false),
                new EpochSgd(innerRate, 10, 10, 150));
    }

    /** What the authors' program does: a followed linear system instead of the series, plain lower steps. */
    public static BoRepConfig zStep(double outerRate, double innerRate) {
        return new BoRepConfig(
                new InverseHvp.ZStep(1e-2),
                outerRate,
                Constant.ONE,
                0.9,
                false,
                true,
                new Lower(innerRate, 10, 2, Double.POSITIVE_INFINITY, false, true),
                EpochSgd.none());
    }

    /** StocBiO (Ji et al., arXiv 2010.07962): plain steps along the hypergradient, lower steps in every outer step. */
    public static BoRepConfig stocBio(double outerRate, double innerRate) {
        return new BoRepConfig(
                new InverseHvp.Neumann(10, 0),
                outerRate,
                Constant.ONE,
                0,
                true,
                false,
                new Lower(innerRate, 10, 1, Double.POSITIVE_INFINITY, false, true),
                EpochSgd.none());
    }

    /**
     * MA-SOBA (Chen et al., arXiv 2306.12067): one lower step, one step on the linear system and one step along the averaged
     * hypergradient; y and z move before x instead of at once. Without momentum it is SOBA (Dagréou et al., arXiv
     * 2201.13409): {@code .withMomentum(0, true)}.
     */
    public static BoRepConfig maSoba(double outerRate, double innerRate) {
        return new BoRepConfig(
                new InverseHvp.ZStep(innerRate),
                outerRate,
                Constant.ONE,
                0.9,
                false,
                false,
                new Lower(innerRate, 1, 1, Double.POSITIVE_INFINITY, false, true),
                EpochSgd.none());
    }

    public BoRepConfig withSolver(InverseHvp s) {
        return new BoRepConfig(s, outerRate, schedule, beta, momentumFromFirst, normalized, lower, refinement);
    }

    public BoRepConfig withSchedule(Schedule s) {
        return new BoRepConfig(solver, outerRate, s, beta, momentumFromFirst, normalized, lower, refinement);
    }

    public BoRepConfig withLower(Lower l) {
        return new BoRepConfig(solver, outerRate, schedule, beta, momentumFromFirst, normalized, l, refinement);
    }

    public BoRepConfig withRefinement(EpochSgd r) {
        return new BoRepConfig(solver, outerRate, schedule, beta, momentumFromFirst, normalized, lower, r);
    }

    public BoRepConfig withMomentum(double newBeta, boolean fromFirst) {
        return new BoRepConfig(solver, outerRate, schedule, newBeta, fromFirst, normalized, lower, refinement);
    }
}
