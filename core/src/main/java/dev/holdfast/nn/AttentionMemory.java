package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** K, V [B,heads,k,d] prepended to keys and values (14 15, prompts). */
public record AttentionMemory(Tensor k, Tensor v) {}
