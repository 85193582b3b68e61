package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/** A linear map on flat vectors [d]: all that Lanczos, Hutchinson, CG and Neumann see. */
@Frozen
public interface LinearOperator {
    long size();

    Tensor apply(Tensor v);
}
