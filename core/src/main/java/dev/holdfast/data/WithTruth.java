package dev.holdfast.data;

/**
 * Generated or corrupted data together with what only diagnostics may see (true labels, planted groups). Learners get
 * {@link #data} and nothing else.
 */
public record WithTruth<T>(Dataset data, T truth) {}
