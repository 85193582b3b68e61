package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/** A leaf that grew; old entries kept bit for bit. */
@Frozen
public record Resized(Tensor before, Tensor after) {}
