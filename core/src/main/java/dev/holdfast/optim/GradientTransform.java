package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateful;

public interface GradientTransform extends Stateful {
    ParamVector apply(ParamVector g, StepContext c);
}
