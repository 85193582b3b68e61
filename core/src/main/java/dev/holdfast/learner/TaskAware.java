package dev.holdfast.learner;

import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;

public interface TaskAware {
    Prediction predict(Inputs x, int task);
}
