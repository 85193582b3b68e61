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

/**
 * A weight of which only the entries under a mask are trained. The trained entries are a leaf [k] of their own and the
 * others are no leaf at all, so that weight decay, momentum and noise cannot move them.
 */
public final class Partial implements WeightSource {
    private final long[] shape;
    private final Tensor base;
    private final Tensor index;
    private final Tensor free;
    private final List<Leaf> leaves;

    private Partial(long[] shape, Tensor base, Tensor index, Tensor free, ParamMeta meta) {
        this.shape = shape;
        this.base = base;
        this.index = index;
        this.free = free;
        this.leaves = List.of(new Leaf(meta, free));
    }

    /**
     * Frees the entries of the site's present weight where {@code mask} (same shape, bool or numbers) is not zero.
     *
     * @throws IllegalArgumentException if the mask has another shape or frees nothing
     */
    public static Partial of(Site site, Tensor mask) {
        long[] shape = site.geometry().sizes();
        Sources.requireShape(site.name() + " mask", mask, shape);
        try (Scope s = Scope.open()) {
            Tensor index = mask.detach().reshape(-1).nonzero().reshape(-1);
            if (index.numel() == 0) {
                throw new IllegalArgumentException("The mask of site '" + site.name()
                        + "' frees no entry.\nMaybe leave the site out of the parameters that are trained.");
            }
            Tensor base = site.source().toDense().reshape(-1).clone();
            return new Partial(
                    shape,
                    Scope.own(base),
                    Scope.own(index.clone()),
                    Dense.trainable(base.index_select(0, index)),
                    site.leaf("free"));
        }
    }

    @Override
    public Tensor materialise(Pass pass) {
        return pass.memo(this, () -> base.index_copy(0, index, free).view(shape));
    }

    @Override
    public List<Leaf> leaves() {
        return leaves;
    }

    @Override
    public Map<String, Tensor> buffers() {
        Map<String, Tensor> b = new LinkedHashMap<>();
        b.put("base", base);
        b.put("index", index);
        return b;
    }

    /** Takes over all entries, frozen ones too. */
    @Override
    public double initFrom(Tensor dense) {
        Sources.requireShape(leaves.get(0).meta().name(), dense, shape);
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            base.copy_(dense.reshape(-1));
            free.copy_(base.index_select(0, index));
        }
        return 0;
    }

    @Override
    public Tensor toDense() {
        return base.index_copy(0, index, free.detach()).view(shape);
    }

    @Override
    public Cost cost(Geometry g) {
        long k = free.numel();
        long bits = Sources.bits(base) + Sources.bits(index) + Sources.bits(free);
        return new Cost(g.count(), g.count() + k, k, bits, Sources.multiplyAdds(g), g.count());
    }

    @Override
    public Partial copy(Copier c) {
        return new Partial(
                shape, c.leaf(base), c.leaf(index), c.leaf(free), leaves.get(0).meta());
    }

    @Override
    public String kind() {
        return "partial free=" + free.numel() + " of " + Tensors.count(shape);
    }
}
