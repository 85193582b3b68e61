package dev.holdfast.data.augment;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;
import dev.holdfast.tensor.Rng;

/** A random change of the rows of a batch (mixing, cropping); a pure function of its arguments. */
@Frozen
public interface BatchTransform {
    /** The changed batch in the caller's scope; the given one stays as it is. */
    Batch apply(Batch b, Rng rng);
}
