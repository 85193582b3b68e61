package dev.holdfast.learner;

/**
 * What a learner holds.
 *
 * @param parameters numbers that its predictions are computed from
 * @param bytes everything that it must keep to go on learning: parameters, optimizer moments, stored rows, statistics
 * @param shape one line for people
 */
public record Footprint(long parameters, long bytes, String shape) {}
