package dev.holdfast.loss;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Stateful;

public interface Loss extends Stateful {
    LossValue value(LossInput in);

    default void observe(LossInput in) {}

    Prediction.Kind expects();
}
