package dev.holdfast.distill;

import dev.holdfast.data.Rows;
import org.bytedeco.pytorch.Tensor;

public interface DistillLoss {
    Tensor value(Outputs student, Outputs teacher, Rows rows, Tensor columnMask);
}
