package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Stateful;

/** A running average of weights: exponential, running mean, last k, interpolation. */
@Frozen
public interface WeightAverager extends Stateful {
    /** Takes in the values after an update; {@code step} tells what the update did. */
    void update(Parameters now, Step step);

    /** The present average; lives as long as the averager. */
    ParamVector average();
}
