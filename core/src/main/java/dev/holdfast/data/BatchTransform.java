package dev.holdfast.data;

import dev.holdfast.tensor.Rng;

public interface BatchTransform {
    Batch apply(Batch b, Rng rng);
}
