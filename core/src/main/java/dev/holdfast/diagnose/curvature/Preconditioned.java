package dev.holdfast.diagnose.curvature;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * P^(-1/2) H P^(-1/2) with a diagonal P > 0: the curvature that an optimizer with steps P^(-1) g meets, Adam with P =
 * (sqrt(v / (1 - beta2^t)) + eps) (1 - beta1^t). Its largest eigenvalue hovers at (2 + 2 beta1) / ((1 - beta1) eta). Cohen et
 * al.: <i>Adaptive Gradient Methods at the Edge of Stability</i>, arXiv 2207.14484.
 *
 * @param of H
 * @param diagonal P [d]
 */
public record Preconditioned(LinearOperator of, Tensor diagonal) implements LinearOperator {
    public Preconditioned {
        Tensors.requireShape("preconditioner", diagonal, of.size());
        if (!(Tensors.item(diagonal.min()) > 0)) {
            throw new IllegalArgumentException("A preconditioner's diagonal must be > 0 but its least entry is "
                    + Tensors.item(diagonal.min()) + ".");
        }
    }

    @Override
    public long size() {
        return of.size();
    }

    @Override
    public Tensor apply(Tensor v) {
        Tensor root = diagonal.rsqrt().to(v.scalar_type());
        return of.apply(v.mul(root)).mul(root);
    }
}
