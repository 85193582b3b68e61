package dev.holdfast.data;

import dev.holdfast.tensor.Rng;

/** A random change of rows between drawing and learning (crops, mixing); a pure function of its arguments. */
public interface BatchTransform {
    Batch apply(Batch b, Rng rng);
}
