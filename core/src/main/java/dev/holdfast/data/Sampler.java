package dev.holdfast.data;

import dev.holdfast.tensor.Rng;

/** Order of positions of one epoch: uniform, class-balanced, reverse frequency (07), kept crops (60), weighted. */
public interface Sampler {
    int[] order(Dataset d, int epoch, Rng rng);
}
