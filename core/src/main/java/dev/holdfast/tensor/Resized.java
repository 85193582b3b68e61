package dev.holdfast.tensor;

import org.bytedeco.pytorch.Tensor;

/** A leaf that grew; old entries kept bit for bit. */
public record Resized(Tensor before, Tensor after) {}
