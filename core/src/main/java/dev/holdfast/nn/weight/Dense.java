package dev.holdfast.nn.weight;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Scope;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** The usual source: the weight is one trainable leaf. */
public final class Dense implements WeightSource {
    private final Tensor value;
    private final List<Leaf> leaves;

    /** A leaf with a copy of these numbers that outlives every scope. */
    public Dense(ParamMeta meta, Tensor numbers) {
        this(trainable(numbers), meta);
    }

    private Dense(Tensor leaf, ParamMeta meta) {
        this.value = leaf;
        this.leaves = List.of(new Leaf(meta, leaf));
    }

    /** A site with a dense weight; the leaf is named {@code site.weight}, that of a VECTOR like the site itself. */
    public static Site at(ParamMeta meta, Geometry geometry, Tensor numbers) {
        return at(meta, geometry, numbers, Map.of());
    }

    /** As {@link #at(ParamMeta, Geometry, Tensor)} with named row ranges. */
    public static Site at(ParamMeta meta, Geometry geometry, Tensor numbers, Map<String, long[]> slices) {
        return new Site(meta, geometry, new Dense(leafMeta(meta, geometry), numbers), slices);
    }

    /** The weight that a site has now, as a dense source of that site. */
    public static Dense of(Site site) {
        try (Scope s = Scope.open()) {
            return new Dense(
                    leafMeta(site.meta(), site.geometry()), site.source().toDense());
        }
    }

    /**
     * Gives a dense site the rows of {@code numbers} [rows, ...], more or fewer than it had.
     *
     * @throws IllegalStateException if the weight of the site comes from another kind of source
     */
    public static Resized resize(Site site, Tensor numbers) {
        Dense before = require(site);
        Geometry g = site.geometry().withRows(numbers.size(0));
        ParamMeta m = before.leaves.get(0).meta();
        Dense after = new Dense(new ParamMeta(m.name(), m.role(), m.fanIn(), g.rows(), m.decay(), m.depth()), numbers);
        site.resize(g, after);
        return new Resized(before.value, after.value);
    }

    /** The dense source of a site whose rows are to change; another kind of source is refused. */
    public static Dense require(Site site) {
        if (site.source() instanceof Dense d) {
            return d;
        }
        throw new IllegalStateException("Site '" + site.name() + "' cannot change its rows, because its weight is "
                + site.source().kind() + ".\nMaybe bake the net first.");
    }

    /** A leaf that outlives every scope, with a copy of these numbers. */
    static Tensor trainable(Tensor numbers) {
        Tensor leaf = Scope.own(numbers.detach().clone().contiguous());
        leaf.set_requires_grad(true);
        return leaf;
    }

    private static ParamMeta leafMeta(ParamMeta m, Geometry g) {
        String name = g.kind() == Geometry.Kind.VECTOR ? m.name() : m.name() + ".weight";
        return new ParamMeta(name, m.role(), m.fanIn(), m.fanOut(), m.decay(), m.depth());
    }

    @Override
    public Tensor materialise(Pass pass) {
        return value;
    }

    @Override
    public List<Leaf> leaves() {
        return leaves;
    }

    @Override
    public double initFrom(Tensor dense) {
        Sources.requireShape(leaves.get(0).meta().name(), dense, value.shape());
        try (var mode = Autograd.noGrad()) {
            value.copy_(dense);
        }
        return 0;
    }

    @Override
    public Tensor toDense() {
        return value.detach();
    }

    @Override
    public Cost cost(Geometry g) {
        long n = g.count();
        return new Cost(n, n, n, Sources.bits(value), Sources.multiplyAdds(g), 0);
    }

    @Override
    public Dense copy(Copier c) {
        return new Dense(c.leaf(value), leaves.get(0).meta());
    }

    @Override
    public String kind() {
        return "dense";
    }
}
