package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;

public record Evaluated(double loss, ParamVector gradient) {}
