package dev.holdfast.memory;

import dev.holdfast.data.Batch;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

public record Drawn(Batch batch, Map<String, Tensor> extras, int[] slots) {}
