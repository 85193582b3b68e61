package dev.holdfast.data;

import dev.holdfast.config.Frozen;

/**
 * Generated or corrupted data together with what only diagnostics may see (true labels, planted groups). Learners get
 * {@link #data} and nothing else.
 */
@Frozen
public record WithTruth<T>(Dataset data, T truth) {}
