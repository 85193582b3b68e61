package dev.holdfast.data;

import dev.holdfast.tensor.Rng;

public interface Corruption<T> {
    WithTruth<T> apply(Dataset clean, Rng rng);
}
