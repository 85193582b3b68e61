package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Rng;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** A configuration record that makes a fresh net: the same stream and type give the same bits. */
@Frozen
public interface Blueprint<P extends Part> {
    /** Builds with fresh weights drawn from {@code rng} in float32 or float64. */
    P build(Rng rng, ScalarType dtype);
}
