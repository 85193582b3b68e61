package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;

/**
 * What one update did.
 *
 * @param gradient the gradient after the transforms
 * @param move what was added to the leaves, decay included; all entries null if the step was refused
 * @param normBefore Euclidean norm of the gradient that came in
 * @param normAfter Euclidean norm after the transforms
 * @param skipped true if the step was refused because a number was not finite
 */
public record Step(ParamVector gradient, ParamVector move, double normBefore, double normAfter, boolean skipped) {}
