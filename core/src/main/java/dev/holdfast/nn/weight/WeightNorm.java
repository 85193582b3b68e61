package dev.holdfast.nn.weight;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Scope;
import java.util.List;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Length and direction of every row trained apart, W_i = g_i v_i / |v_i| (Salimans and Kingma, <i>Weight
 * Normalization</i>, arXiv 1602.07868, eq. 2). It starts as the weight that the site has, with v = W and g_i = |W_i|.
 */
public final class WeightNorm implements WeightSource {
    private final ParamMeta direction;
    private final ParamMeta length;
    private final Tensor v;
    private final Tensor g;

    private WeightNorm(ParamMeta direction, ParamMeta length, Tensor v, Tensor g) {
        this.direction = direction;
        this.length = length;
        this.v = v;
        this.g = g;
    }

    /** Takes over the weight of a site; a row of zeros has no direction and is refused. */
    public static WeightNorm of(Site site) {
        if (site.geometry().kind() == Geometry.Kind.VECTOR) {
            throw new IllegalArgumentException("Site '" + site.name() + "' is a vector; it has no rows to normalise.");
        }
        try (Scope s = Scope.open()) {
            Tensor w = site.source().toDense();
            Tensor norms = norms(w);
            requireDirections(site.name(), norms);
            ParamMeta m = site.meta();
            return new WeightNorm(
                    site.leaf("v"),
                    new ParamMeta(m.name() + ".g", m.role(), 1, m.fanOut(), false, m.depth()),
                    Dense.trainable(w),
                    Dense.trainable(norms));
        }
    }

    private static Tensor norms(Tensor w) {
        return w.flatten(1, -1)
                .square()
                .sum(new long[] {1}, false, new ScalarTypeOptional())
                .sqrt();
    }

    private static void requireDirections(String site, Tensor norms) {
        if (norms.min().item_double() == 0) {
            throw new IllegalArgumentException(
                    "Site '" + site + "' has a row of zeros, which has no direction to train apart from its length.");
        }
    }

    @Override
    public Tensor materialise(Pass pass) {
        return pass.memo(this, () -> product(v, g));
    }

    @Override
    public Tensor toDense() {
        return product(v.detach(), g.detach());
    }

    private static Tensor product(Tensor v, Tensor g) {
        long[] column = new long[(int) v.dim()];
        java.util.Arrays.fill(column, 1);
        column[0] = v.size(0);
        return v.mul(g.div(norms(v)).view(column));
    }

    @Override
    public List<Leaf> leaves() {
        return List.of(new Leaf(direction, v), new Leaf(length, g));
    }

    @Override
    public double initFrom(Tensor dense) {
        Sources.requireShape(direction.name(), dense, v.shape());
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor norms = norms(dense);
            requireDirections(direction.name(), norms);
            v.copy_(dense);
            g.copy_(norms);
            return Sources.relativeError(dense, toDense());
        }
    }

    @Override
    public Cost cost(Geometry geometry) {
        long n = v.numel() + g.numel();
        return new Cost(
                geometry.count(),
                n,
                n,
                Sources.bits(v) + Sources.bits(g),
                Sources.multiplyAdds(geometry),
                geometry.count());
    }

    @Override
    public WeightNorm copy(Copier c) {
        return new WeightNorm(direction, length, c.leaf(v), c.leaf(g));
    }

    @Override
    public String kind() {
        return "weight norm";
    }
}
