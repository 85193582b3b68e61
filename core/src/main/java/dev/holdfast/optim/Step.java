package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;

/** gradient = after transforms (13 reads it); move = what was added. */
public record Step(ParamVector gradient, ParamVector move, double normBefore, double normAfter, boolean skipped) {}
