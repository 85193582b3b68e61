package dev.holdfast.nn.head;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Unit vectors [K, d] that are assigned to classes before training, as far apart as they go: a simplex equiangular tight
 * frame where d >= K, else what descent on the largest cosine finds. Float64. Pure; safe from any thread.
 *
 * <p>Yang et al., <i>Neural Collapse Inspired Feature-Classifier Alignment for Few-Shot Class Incremental Learning</i>, arXiv
 * 2302.03004, eq. 2.
 */
public final class FixedPrototypes {
    private FixedPrototypes() {}

    /**
     * K unit vectors in d dimensions.
     *
     * @param steps of the descent where K > d
     */
    public static Tensor of(int k, long d, int steps, Rng rng) {
        requireDimensions(k, d);
        try (Scope s = Scope.open()) {
            Tensor e = d >= k
                    ? simplex(LinearAlgebra.orthonormal(rng.normal(ScalarType.Double, d, k)))
                    : spread(Tensors.zeros(ScalarType.Double, 0, d), rng.normal(ScalarType.Double, k, d), steps);
            return s.keep(e);
        }
    }

    private static void requireDimensions(int k, long d) {
        if (d < 2 || k < 1) {
            throw new IllegalArgumentException("Prototypes need at least 2 dimensions and one class but there are " + d
                    + " dimensions and " + k + " classes.\nMaybe a wider network, or a projection, is meant.");
        }
    }

    /**
     * The simplex {@code E = sqrt(K/(K-1)) U (I - 11'/K)}, one prototype a row [K, d]; all pairs have the cosine -1/(K-1).
     *
     * @param u [d, K] with orthonormal columns, so d >= K
     */
    public static Tensor simplex(Tensor u) {
        Tensors.requireShape("the orthonormal matrix", u, -1, -1);
        long d = u.size(0);
        long k = u.size(1);
        requireDimensions((int) k, d);
        if (d < k) {
            throw new IllegalArgumentException("No " + k + " orthonormal columns fit into " + d
                    + " dimensions.\nMaybe a projection in front of the head is meant.");
        }
        if (k == 1) {
            return u.t().contiguous();
        }
        Tensor centred = u.sub(u.mean(new long[] {1}).unsqueeze(1));
        return centred.t().mul(Tensors.scalar(Math.sqrt(k / (k - 1.0)))).contiguous();
    }

    /**
     * {@code added} unit vectors more, as far as they go from those that stand and from each other; the old ones stay.
     *
     * @param fixed [K, d]
     * @return [K + added, d]
     */
    public static Tensor grow(Tensor fixed, int added, int steps, Rng rng) {
        try (Scope s = Scope.open()) {
            Tensor start = rng.normal(ScalarType.Double, added, fixed.size(1));
            return s.keep(Tensors.cat(0, fixed, spread(fixed, start, steps)));
        }
    }

    /** Descent on a soft maximum of the cosines that gets sharper, by steps that get shorter. */
    private static Tensor spread(Tensor fixed, Tensor start, int steps) {
        int n = (int) start.size(0);
        Tensor free = Scope.own(CosineHead.unit(start).detach().clone());
        try (var mode = Autograd.noGrad()) {
            Tensor best = free.clone();
            double lowest = largestCosine(fixed, best);
            for (int i = 0; i < steps; i++) {
                try (Scope s = Scope.open()) {
                    double progress = i / (double) steps;
                    Tensor all = Tensors.cat(0, free, fixed);
                    Tensor c = free.matmul(all.t());
                    Tensor self = torch.eye(n, all.size(0)).ne(Tensors.scalar(0));
                    Tensor soft = c.mul(Tensors.scalar(10 + 190 * progress))
                            .masked_fill(self, new Scalar(Double.NEGATIVE_INFINITY));
                    Tensor share = soft.sub(soft.max()).exp();
                    share.div_(share.sum().clamp_min(Tensors.scalar(1e-30)));
                    // d/dv of the soft maximum; pairs among the free ones are pulled from both sides
                    Tensor within = Tensors.slice(share, 1, 0, n);
                    Tensor g = share.matmul(all).add_(within.t().matmul(free));
                    Tensor tangent = g.sub(free.mul(g.mul(free).sum(1).unsqueeze(1)));
                    Tensor length = tangent.mul(tangent).sum(1).sqrt().max().clamp_min(Tensors.scalar(1e-12));
                    free.sub_(tangent.div(length).mul(Tensors.scalar(0.2 * (1 - progress) + 1e-3)));
                    free.copy_(CosineHead.unit(free));
                    double now = largestCosine(fixed, free);
                    if (now < lowest) {
                        lowest = now;
                        best.copy_(free);
                    }
                }
            }
            return best;
        } finally {
            free.close();
        }
    }

    private static double largestCosine(Tensor fixed, Tensor free) {
        try (Scope s = Scope.open()) {
            Tensor all = Tensors.cat(0, free, fixed);
            if (all.size(0) < 2) {
                return -1;
            }
            Tensor c = free.matmul(all.t());
            Tensor self = torch.eye(free.size(0), all.size(0)).ne(Tensors.scalar(0));
            return c.masked_fill(self, Tensors.scalar(-2)).max().item_double();
        }
    }
}
