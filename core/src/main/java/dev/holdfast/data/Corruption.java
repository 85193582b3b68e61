package dev.holdfast.data;

import dev.holdfast.tensor.Rng;

/** Damage done on purpose, with the truth kept for diagnostics. */
public interface Corruption<T> {
    WithTruth<T> apply(Dataset clean, Rng rng);
}
