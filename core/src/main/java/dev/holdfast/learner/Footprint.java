package dev.holdfast.learner;

import dev.holdfast.config.Frozen;

/**
 * What a learner holds.
 *
 * @param parameters numbers that its predictions are computed from
 * @param bytes everything that it must keep to go on learning: parameters, optimizer moments, stored rows, statistics
 * @param shape one line for people
 */
@Frozen
public record Footprint(long parameters, long bytes, String shape) {}
