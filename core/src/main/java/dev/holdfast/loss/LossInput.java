package dev.holdfast.loss;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** side: what a few losses need beside scores (features; detections and tables of 56; teacher confidence), by name. */
public record LossInput(
        Tensor scores, Target target, Rows rows, ClassIndex columns, Map<String, Tensor> side, boolean training) {}
