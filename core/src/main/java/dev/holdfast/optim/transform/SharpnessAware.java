package dev.holdfast.optim.transform;

import dev.holdfast.optim.Evaluated;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.State;

/**
 * Takes the gradient where the loss is worst nearby: at {@code w + rho g / |g|}, with one norm over all leaves, on the
 * same batch; optionally with the term that narrows the {@linkplain SurrogateGap surrogate gap}. The leaves are put back
 * to the exact bits before the update. A gradient of zero stays what it is.
 *
 * <p>Foret et al.: <i>Sharpness-Aware Minimization for Efficiently Improving Generalization</i>, arXiv 2010.01412,
 * equations 2 and 3. A step needs {@link StepContext#again}, so it costs two evaluations, and it cannot be looked ahead
 * at. One writer.
 */
public final class SharpnessAware implements GradientTransform {
    private static final double EPS = 1e-12;

    private final double rho;
    private final Schedule factor;
    private final SurrogateGap gap;

    /** A constant radius without the term of the surrogate gap. */
    public SharpnessAware(double rho) {
        this(rho, Constant.ONE, new SurrogateGap(0));
    }

    /**
     * @param rho radius, >= 0; 0 = no perturbation
     * @param factor of the radius at each update, for example the schedule of the learning rate
     * @param gap how strongly the surrogate gap is narrowed
     */
    public SharpnessAware(double rho, Schedule factor, SurrogateGap gap) {
        this.rho = requireRadius(rho);
        this.factor = factor;
        this.gap = gap;
    }

    /** Refuses a radius that is negative or not finite. */
    public static double requireRadius(double rho) {
        if (!(rho >= 0) || Double.isInfinite(rho)) {
            throw new IllegalArgumentException(
                    "The radius rho of a sharpness-aware step must be finite and >= 0 but is " + rho + ".");
        }
        return rho;
    }

    /** The leaves moved by {@code rho g / (|g| + 1e-12)} until it is closed; then they have their exact bits again. */
    public static Parameters.Perturbation climb(Parameters leaves, ParamVector g, double rho) {
        return leaves.perturbed(g.times(rho / (g.norm() + EPS)));
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        double radius = rho * factor.at(c.step());
        if (radius == 0 || g.norm() == 0) {
            return g;
        }
        if (c.again() == null) {
            throw new IllegalStateException("A sharpness-aware step looks at its batch twice, but this step cannot be"
                    + " evaluated again.\nMaybe step(gradient, again) is to be called with the loss of the same batch;"
                    + " peek cannot look ahead at such a step.");
        }
        Evaluated above;
        try (Parameters.Perturbation p = climb(c.params(), g, radius)) {
            above = c.again().get();
        }
        return gap.split(g, above.gradient()).direction();
    }

    @Override
    public State state() {
        return new State().put("factor", factor);
    }

    @Override
    public void load(State saved) {
        factor.load(saved.child("factor"));
    }
}
