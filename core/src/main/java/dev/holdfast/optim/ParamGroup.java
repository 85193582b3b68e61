package dev.holdfast.optim;

import dev.holdfast.tensor.ParamMeta;
import java.util.function.Predicate;

/** Rate = peak*factor (so that INDEPENDENT decay knows the factor, 37), own decay, for part of the leaves (38, muParam, 07 three nets). */
public record ParamGroup(Predicate<ParamMeta> of, double peak, Schedule factor, double decay, Decay mode) {
    public enum Decay {
        NONE,
        L2,
        LR_COUPLED,
        LR_COUPLED_AFTER,
        INDEPENDENT
    }
}
