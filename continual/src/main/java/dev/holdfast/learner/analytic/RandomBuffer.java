package dev.holdfast.learner.analytic;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The buffer layer of analytic learning: h = relu(W_b f) with W_b [M, D] ~ U(-1/sqrt D, 1/sqrt D), drawn once from the
 * seed and never moved; optionally followed by a constant 1, whose weight then acts as a bias.
 *
 * <p>Zhuang et al., <i>ACIL</i>, arXiv 2205.14922, section 3.2. Float64.
 */
final class RandomBuffer {
    private final Tensor weight;
    private final boolean bias;

    /** @param weight [M, D], or null for the identity */
    RandomBuffer(Tensor weight, boolean bias) {
        this.weight = weight == null ? null : Scope.own(weight);
        this.bias = bias;
    }

    /** Features as they are. */
    static RandomBuffer identity() {
        return new RandomBuffer(null, false);
    }

    /** M random units, or the identity for M = 0. */
    static RandomBuffer draw(int units, long width, boolean bias, Rng rng) {
        if (units == 0) {
            return new RandomBuffer(null, bias);
        }
        try (Scope s = Scope.open()) {
            double bound = 1 / Math.sqrt(width);
            Tensor w = rng.uniform(ScalarType.Double, units, width)
                    .mul_(Tensors.scalar(2 * bound))
                    .sub_(Tensors.scalar(bound));
            return new RandomBuffer(w, bias);
        }
    }

    /** Numbers a row for features of width D. */
    long width(long features) {
        return (weight == null ? features : weight.size(0)) + (bias ? 1 : 0);
    }

    /** Numbers of W_b. */
    long parameters() {
        return weight == null ? 0 : weight.numel();
    }

    /** Bytes held; not part of a saved state, since the seed gives them again. */
    long bytes() {
        return weight == null ? 0 : weight.nbytes();
    }

    /** h [n, M (+1)] of features [n, D]. */
    Tensor apply(Tensor features) {
        Tensor h = weight == null ? features : features.matmul(weight.t()).relu_();
        return bias ? Tensors.cat(1, h, Tensors.emptyLike(h, h.size(0), 1).fill_(Tensors.scalar(1))) : h;
    }
}
