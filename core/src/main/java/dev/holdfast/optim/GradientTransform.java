package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateful;

/**
 * What happens to a gradient before the update rule sees it: clipping, projection, normalisation, perturbation.
 *
 * <p>One writer; not for use from two threads.
 */
@Frozen
public interface GradientTransform extends Stateful {
    /** The changed gradient; entries that are null stay null unless the method says otherwise, {@code g} is untouched. */
    ParamVector apply(ParamVector g, StepContext c);
}
