package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Rng;

/** In which order a pass deals the rows: uniform, class-balanced, weighted. A pure function of its arguments. */
@Frozen
public interface Sampler {
    /** Positions of one pass, at least one; repeats and gaps are allowed. */
    int[] order(Dataset d, int epoch, Rng rng);
}
