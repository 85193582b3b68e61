package dev.holdfast.nn.weight;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A weight whose entries are given to one part of a stream after the other. Free entries are trained; when a part is
 * over, the largest of them become its own and never move again. A pass for part t sees the entries of parts 0..t, and
 * while t goes on also the free ones; a pass for no part sees all.
 *
 * <p>Mallya, Lazebnik: <i>PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning</i>, arXiv 1711.05769,
 * section 3. Owned entries are kept outside the leaf, so neither decay nor momentum can move them.
 */
public final class Owned implements WeightSource {
    /** In {@link #owner} of entries that no part has yet. */
    private static final double FREE = 0;

    private final long[] shape;
    private final Tensor base;
    private final Tensor owner;
    private final Tensor finished;
    private final Tensor value;
    private final List<Leaf> leaves;

    /** Owner number of the entries that move now. */
    private long learning;

    private Owned(Tensor base, Tensor owner, Tensor finished, Tensor value, ParamMeta meta) {
        this.shape = base.shape();
        this.base = base;
        this.owner = owner;
        this.finished = finished;
        this.value = value;
        this.leaves = List.of(new Leaf(meta, value));
    }

    /** All entries of the site's present weight, none of them owned. */
    public static Owned of(Site site) {
        try (Scope s = Scope.open()) {
            Tensor w = site.source().toDense();
            return new Owned(
                    Scope.own(w.clone().contiguous()),
                    Scope.own(Tensors.zeros(ScalarType.Int, w.shape())),
                    Scope.own(Tensors.zeros(ScalarType.Long, 1)),
                    Dense.trainable(w),
                    site.leaf("weight"));
        }
    }

    /**
     * What is left of a weight after pruning.
     *
     * @param threshold size up to which free entries fell; minus infinity if none did
     * @param weight with the fallen entries at zero
     * @param owner of every entry, 0 = free
     */
    public record Pruned(double threshold, Tensor weight, Tensor owner) {}

    /**
     * Gives the larger ones of the free entries to an owner; the {@code round(fraction * free)} smallest, and those of the
     * same size as the largest of these, become zero and stay free.
     *
     * @param owner same shape as the weight, 0 = free
     * @param fraction of the free entries, in [0, 1)
     * @param to the owner's number, >= 1
     */
    public static Pruned prune(Tensor weight, Tensor owner, double fraction, long to) {
        requireFraction(fraction);
        Tensor free = owner.eq(Tensors.scalar(FREE));
        Tensor size = weight.detach().abs();
        Tensor candidates = size.masked_select(free);
        long k = (long) Math.rint(fraction * candidates.numel());
        if (k == 0) {
            return new Pruned(
                    Double.NEGATIVE_INFINITY, weight.detach().clone(), owner.masked_fill(free, Tensors.scalar(to)));
        }
        Tensor threshold = candidates.kthvalue(k).get0();
        Tensor kept = free.logical_and(size.gt(threshold));
        Tensor fallen = free.logical_and(kept.logical_not());
        return new Pruned(
                threshold.item_double(),
                weight.detach().masked_fill(fallen, Tensors.scalar(0)),
                owner.masked_fill(kept, Tensors.scalar(to)));
    }

    private static void requireFraction(double fraction) {
        if (!(fraction >= 0 && fraction < 1)) {
            throw new IllegalArgumentException(
                    "The share of free weights to prune must be in [0, 1) but is " + fraction + ".");
        }
    }

    /**
     * The part is over: its larger entries become its own, the others are zero and free again. The owned ones go on moving
     * until {@link #settle}.
     */
    public void prune(double fraction) {
        requireFraction(fraction);
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            learning = finished.item_long() + 1;
            Pruned p = prune(now(FREE), owner, fraction, learning);
            owner.copy_(p.owner);
            base.copy_(p.weight);
            value.copy_(p.weight);
            finished.fill_(Tensors.scalar(learning));
        }
    }

    /** What the last part owns stands still from now on, and the free entries move. */
    public void settle() {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            base.copy_(now(learning));
            value.copy_(base);
            learning = 0;
        }
    }

    /** Owner of every entry: 0 = free, k = the k-th part, counted from 1. */
    public Tensor owner() {
        return owner;
    }

    private Tensor now(double moving) {
        return value.where(owner.eq(Tensors.scalar(moving)), base);
    }

    @Override
    public Tensor materialise(Pass pass) {
        return pass.memo(this, () -> {
            Tensor w = now(learning);
            int part = pass.task();
            if (part < 0) {
                return w;
            }
            Tensor seen = owner.le(Tensors.scalar(part + 1.0));
            if (part < finished.item_long()) {
                seen = seen.logical_and(owner.ne(Tensors.scalar(FREE)));
            }
            return w.masked_fill(seen.logical_not(), Tensors.scalar(0));
        });
    }

    @Override
    public List<Leaf> leaves() {
        return leaves;
    }

    @Override
    public Map<String, Tensor> buffers() {
        Map<String, Tensor> b = new LinkedHashMap<>();
        b.put("base", base);
        b.put("owner", owner);
        b.put("finished", finished);
        return b;
    }

    /** Takes over all entries, owned ones too. */
    @Override
    public double initFrom(Tensor dense) {
        Sources.requireShape(leaves.get(0).meta().name(), dense, shape);
        try (var mode = Autograd.noGrad()) {
            base.copy_(dense);
            value.copy_(dense);
        }
        return 0;
    }

    @Override
    public Tensor toDense() {
        try (var mode = Autograd.noGrad()) {
            return now(learning);
        }
    }

    @Override
    public Cost cost(Geometry g) {
        long n = g.count();
        long bits = Sources.bits(base) + Sources.bits(owner) + Sources.bits(value);
        return new Cost(n, 3 * n, n, bits, Sources.multiplyAdds(g), 2 * n);
    }

    @Override
    public Owned copy(Copier c) {
        Owned o = new Owned(
                c.leaf(base),
                c.leaf(owner),
                c.leaf(finished),
                c.leaf(value),
                leaves.get(0).meta());
        o.learning = learning;
        return o;
    }

    @Override
    public String kind() {
        return "owned";
    }
}
