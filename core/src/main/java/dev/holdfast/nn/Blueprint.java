package dev.holdfast.nn;

import dev.holdfast.tensor.Rng;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** A configuration record that makes a fresh net. */
public interface Blueprint<P extends Part> {
    P build(Rng rng, ScalarType dtype);
}
