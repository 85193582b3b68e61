package dev.holdfast.data;

/** Generated or corrupted data with what only diagnostics may see (true labels, Bayes predictor, planted groups). */
public record WithTruth<T>(Dataset data, T truth) {}
