package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;

/** A loss and its gradient at the present values of the leaves. */
@Frozen
public record Evaluated(double loss, ParamVector gradient) {}
