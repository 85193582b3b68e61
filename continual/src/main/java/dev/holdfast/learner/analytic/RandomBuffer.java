package dev.holdfast.learner.analytic;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The buffer layer of analytic learning, a fixed map from features f [n, D] to M random units, drawn once from the seed
 * and never moved; optionally followed by a constant 1, whose weight then acts as a bias. Float64.
 *
 * <ul>
 *   <li>relu(W f) with W [M, D] ~ U(-1/sqrt D, 1/sqrt D): Zhuang et al., <i>ACIL</i>, arXiv 2205.14922, section 3.2.
 *   <li>sqrt(2/M) cos(W f + b) with W ~ N(0, 1/sigma^2) and b ~ U(0, 2 pi), whose inner products tend to the Gaussian
 *       kernel exp(-||f - f'||^2 / (2 sigma^2)): Rahimi, Recht, <i>Random Features for Large-Scale Kernel Machines</i>,
 *       2007. Unlike kernels at stored centres it needs no rows to begin with.
 * </ul>
 */
final class RandomBuffer {
    private final Tensor weight;
    private final Tensor phase;
    private final boolean bias;

    /** @param weight [M, D], or null for the identity */
    RandomBuffer(Tensor weight, boolean bias) {
        this(weight, null, bias);
    }

    /** @param phase [M] of Fourier features, or null for rectified units */
    private RandomBuffer(Tensor weight, Tensor phase, boolean bias) {
        this.weight = weight == null ? null : Scope.own(weight);
        this.phase = phase == null ? null : Scope.own(phase);
        this.bias = bias;
    }

    /** Features as they are. */
    static RandomBuffer identity() {
        return new RandomBuffer(null, false);
    }

    /** M rectified random units, or the identity for M = 0. */
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

    /**
     * M random Fourier features of a Gaussian kernel, or the identity for M = 0.
     *
     * @param sigma width of the kernel, > 0
     */
    static RandomBuffer fourier(int units, long width, double sigma, boolean bias, Rng rng) {
        if (units == 0) {
            return new RandomBuffer(null, bias);
        }
        try (Scope s = Scope.open()) {
            Tensor w = rng.child("frequencies")
                    .normal(ScalarType.Double, units, width)
                    .div_(Tensors.scalar(sigma));
            Tensor b = rng.child("phases").uniform(ScalarType.Double, units).mul_(Tensors.scalar(2 * Math.PI));
            return new RandomBuffer(w, b, bias);
        }
    }

    /** Numbers a row for features of width D. */
    long width(long features) {
        return (weight == null ? features : weight.size(0)) + (bias ? 1 : 0);
    }

    /** Numbers of W and b. */
    long parameters() {
        return (weight == null ? 0 : weight.numel()) + (phase == null ? 0 : phase.numel());
    }

    /** Bytes held; not part of a saved state, since the seed gives them again. */
    long bytes() {
        return 8 * parameters();
    }

    /** h [n, M (+1)] of features [n, D]. */
    Tensor apply(Tensor features) {
        Tensor h = units(features);
        return bias ? Tensors.cat(1, h, Tensors.emptyLike(h, h.size(0), 1).fill_(Tensors.scalar(1))) : h;
    }

    private Tensor units(Tensor features) {
        if (weight == null) {
            return features;
        }
        Tensor projected = features.matmul(weight.t());
        return phase == null
                ? projected.relu_()
                : projected.add_(phase).cos_().mul_(Tensors.scalar(Math.sqrt(2.0 / weight.size(0))));
    }
}
