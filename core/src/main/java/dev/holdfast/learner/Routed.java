package dev.holdfast.learner;

import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;

public interface Routed {
    Prediction route(Inputs x);
}
