package dev.holdfast.tensor;

import org.bytedeco.pytorch.Tensor;

/** A linear map on flat vectors [d]: all that Lanczos, Hutchinson, CG and Neumann see. */
public interface LinearOperator {
    long size();

    Tensor apply(Tensor v);
}
