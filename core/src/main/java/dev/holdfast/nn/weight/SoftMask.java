package dev.holdfast.nn.weight;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A weight times a soft mask that is learnt with it: entries with large scores count fully, the others by a fixed factor
 * drawn from [0, 1). Scores get the gradient of the mask (straight through), so that training chooses which entries are
 * major; the minor ones are those that a small later session may move.
 *
 * <p>Kang et al., <i>On the Soft-Subnetwork for Few-Shot Class Incremental Learning</i>, arXiv 2209.07529, section 3.
 */
public final class SoftMask implements WeightSource {
    private final double minorShare;
    private final Tensor weight;
    private final Tensor scores;
    private final Tensor factor;
    private final List<Leaf> leaves;

    private SoftMask(double minorShare, Tensor weight, Tensor scores, Tensor factor, ParamMeta w, ParamMeta s) {
        this.minorShare = minorShare;
        this.weight = weight;
        this.scores = scores;
        this.factor = factor;
        this.leaves = List.of(new Leaf(w, weight), new Leaf(s, scores));
    }

    /**
     * Masks a site's present weight, with fresh scores.
     *
     * @param minorShare of the entries that are minor, in [0, 1]
     */
    public static SoftMask of(Site site, double minorShare, Rng rng) {
        requireShare(minorShare);
        try (Scope s = Scope.open()) {
            Tensor w = site.source().toDense();
            ScalarType type = w.scalar_type().intern();
            ParamMeta m = site.leaf("scores");
            return new SoftMask(
                    minorShare,
                    Dense.trainable(w),
                    Dense.trainable(rng.child("scores").uniform(type, w.shape())),
                    Scope.own(rng.child("minor").uniform(type, w.shape())),
                    site.leaf("weight"),
                    new ParamMeta(m.name(), ParamMeta.Role.OTHER, m.fanIn(), m.fanOut(), false, m.depth()));
        }
    }

    private static void requireShare(double share) {
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException(
                    "The share of the entries that may move must be in [0, 1] but is " + share + ".");
        }
    }

    /**
     * Which entries have the smallest sizes.
     *
     * @param k 1 + round(share (n - 1))
     * @param threshold the k-th smallest size
     * @param mask 1 where the size is below it, of the scores' type
     */
    public record Smallest(long k, double threshold, Tensor mask) {}

    /**
     * The entries of a score whose size is below the k-th smallest, {@code k = 1 + round(share (n - 1))}: none for share 0, all
     * but the largest for 1.
     *
     * @param share in [0, 1]
     */
    public static Smallest smallest(Tensor score, double share) {
        requireShare(share);
        Tensor size = score.detach().abs();
        long n = size.numel();
        if (n == 0) {
            return new Smallest(0, Double.NaN, size);
        }
        long k = 1 + Math.round(share * (n - 1));
        Tensor threshold = size.reshape(-1).kthvalue(k).get0();
        return new Smallest(k, threshold.item_double(), size.lt(threshold).to(score.scalar_type()));
    }

    /** The scores, whose smallest mark the minor entries. */
    public Tensor scores() {
        return scores.detach();
    }

    private Tensor mask() {
        Tensor minor = smallest(scores, minorShare).mask;
        return factor.where(minor.ne(Tensors.scalar(0)), Tensors.scalar(1)).to(weight.scalar_type());
    }

    @Override
    public Tensor materialise(Pass pass) {
        return pass.memo(
                this,
                () -> weight.mul(Autograd.surrogate(scores.abs(), mask(), Tensors.scalarLike(weight.detach(), 1))));
    }

    @Override
    public List<Leaf> leaves() {
        return leaves;
    }

    @Override
    public Map<String, Tensor> buffers() {
        return Map.of("minor", factor);
    }

    /** The weight below the mask takes over the numbers; what comes out is smaller where the mask is below 1. */
    @Override
    public double initFrom(Tensor dense) {
        Sources.requireShape(leaves.get(0).meta().name(), dense, weight.shape());
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            weight.copy_(dense);
            double size = dense.norm().item_double();
            return size == 0 ? 0 : toDense().sub(dense).norm().item_double() / size;
        }
    }

    @Override
    public Tensor toDense() {
        return weight.detach().mul(mask());
    }

    @Override
    public Cost cost(Geometry g) {
        long n = g.count();
        long bits = Sources.bits(weight) + Sources.bits(scores) + Sources.bits(factor);
        return new Cost(n, 3 * n, 2 * n, bits, Sources.multiplyAdds(g), n);
    }

    @Override
    public SoftMask copy(Copier c) {
        return new SoftMask(
                minorShare,
                c.leaf(weight),
                c.leaf(scores),
                c.leaf(factor),
                leaves.get(0).meta(),
                leaves.get(1).meta());
    }

    @Override
    public String kind() {
        return "soft mask, minor share " + minorShare;
    }
}
