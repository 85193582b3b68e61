package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamMeta;
import java.util.function.Predicate;

/**
 * Rate and decay of part of the leaves: rate of update k = {@code peak * factor.at(k)}. Leaves whose meta says {@code
 * decay = false} do not decay whatever the mode.
 *
 * @param of which leaves
 * @param peak rate where the factor is 1; finite, >= 0
 * @param factor schedule
 * @param decay strength of the weight decay; finite, >= 0
 * @param mode how decay acts
 */
@Frozen
public record ParamGroup(Predicate<ParamMeta> of, double peak, Schedule factor, double decay, Decay mode) {
    /** How weight decay of strength d acts on a leaf w with direction u and rate r. */
    public enum Decay {
        NONE,
        /** The gradient that the rule sees is g + d*w. */
        L2,
        /** w - r*d*w - r*u (decoupled weight decay, arXiv 1711.05101, as in common AdamW code). */
        LR_COUPLED,
        /** (w - r*u) * (1 - r*d): decay after the move. */
        LR_COUPLED_AFTER,
        /**
         * w - f*d*w - r*u with f the schedule's factor: decay that does not depend on the peak rate (arXiv 2309.14322, section
         * 3.2.2); f*d must stay below 1.
         */
        INDEPENDENT
    }

    public ParamGroup {
        if (!(peak >= 0) || Double.isInfinite(peak)) {
            throw new IllegalArgumentException(
                    "The rate of a parameter group must be finite and >= 0 but is " + peak + ".");
        }
        if (!(decay >= 0) || Double.isInfinite(decay)) {
            throw new IllegalArgumentException("Weight decay must be finite and >= 0 but is " + decay + ".");
        }
        if (mode == Decay.NONE && decay != 0) {
            throw new IllegalArgumentException(
                    "Weight decay " + decay + " was given with mode NONE.\nMaybe L2 or LR_COUPLED is meant.");
        }
    }

    /** One group for all leaves. */
    public static ParamGroup all(double peak, Schedule factor, double decay, Decay mode) {
        return new ParamGroup(m -> true, peak, factor, decay, mode);
    }
}
