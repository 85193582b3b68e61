package dev.holdfast.loss.stable;

import org.bytedeco.pytorch.global.torch.ScalarType;

/** Floating-point types in which a softmax can be computed. */
public enum Precision {
    FLOAT16(ScalarType.Half),
    FLOAT32(ScalarType.Float),
    FLOAT64(ScalarType.Double);

    private final ScalarType dtype;

    Precision(ScalarType dtype) {
        this.dtype = dtype;
    }

    public ScalarType dtype() {
        return dtype;
    }
}
