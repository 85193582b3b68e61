package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Rng;

/** Spoils a data set in a known way; a pure function of its arguments. Rows keep their ids and their order. */
@Frozen
public interface Corruption<T> {
    /** The spoilt data and what was done to them. */
    WithTruth<T> apply(Dataset clean, Rng rng);
}
