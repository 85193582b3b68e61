package dev.holdfast.distill;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** logits [n,C] (or sparse top-k in taps, 57), taps by name. */
public record Outputs(Tensor logits, Map<String, Tensor> taps) {}
