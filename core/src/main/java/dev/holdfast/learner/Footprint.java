package dev.holdfast.learner;

public record Footprint(long parameters, long bytes, String shape) {}
