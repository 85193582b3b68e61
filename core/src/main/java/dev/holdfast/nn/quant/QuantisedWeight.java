package dev.holdfast.nn.quant;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * A weight whose numbers are rounded to few bits before they are used, while the numbers that are trained and saved, the master
 * weights, stay in full precision: fake quantisation. The gradient of the rounded weight goes to the master weight unchanged
 * (straight-through estimator; Bengio et al., arXiv 1308.3432).
 *
 * <p>Leaves and buffers are those of the master weights' source, under their names; {@link #toDense} is what the network computes
 * with, {@link #master} gives the other.
 */
public final class QuantisedWeight implements WeightSource {
    private final WeightSource master;
    private final String how;
    private final int dimensions;
    private final UnaryOperator<Tensor> rounding;

    private QuantisedWeight(WeightSource master, int dimensions, String how, UnaryOperator<Tensor> rounding) {
        this.master = master;
        this.dimensions = dimensions;
        this.how = how;
        this.rounding = rounding;
    }

    /** The weight that a site has now, in groups over the whole weight. */
    public static QuantisedWeight of(Site site, AffineQuantiser q) {
        return new QuantisedWeight(
                site.source(),
                site.geometry().shape().size(),
                "INT" + q.bits() + " by " + q.group() + (q.includeZero() ? "" : " without zero"),
                q::byRow);
    }

    /** The weight that a site has now, in groups over the whole weight. */
    public static QuantisedWeight of(Site site, AbsmaxQuantiser q) {
        return new QuantisedWeight(
                site.source(),
                site.geometry().shape().size(),
                q.grid() + " by " + q.group() + (q.outliers() == 0 ? "" : " but the " + q.outliers() + " largest"),
                q::apply);
    }

    /** The source of the weights in full precision. */
    public WeightSource master() {
        return master;
    }

    /** The source of a site's weights in full precision: its own, unless that is rounded. */
    public static WeightSource master(Site site) {
        return site.source() instanceof QuantisedWeight q ? q.master : site.source();
    }

    @Override
    public Tensor materialise(Pass pass) {
        return pass.memo(this, () -> {
            Tensor w = master.materialise(pass);
            return Autograd.straightThrough(w, rounded(w));
        });
    }

    private Tensor rounded(Tensor w) {
        // where every row of a batch has a weight of its own, groups do not reach from one into the next
        long weights = w.dim() > dimensions ? w.size(0) : 1;
        return rounding.apply(w.detach().reshape(weights, -1)).view(w.shape());
    }

    @Override
    public Tensor toDense() {
        return rounded(master.toDense());
    }

    @Override
    public List<Leaf> leaves() {
        return master.leaves();
    }

    @Override
    public Map<String, Tensor> buffers() {
        return master.buffers();
    }

    /** The master weight takes over {@code dense}; the error is that of the rounded weight. */
    @Override
    public double initFrom(Tensor dense) {
        master.initFrom(dense);
        try (Scope s = Scope.open()) {
            double size = dense.detach().norm().item_double();
            return size == 0 ? 0 : dense.detach().sub(toDense()).norm().item_double() / size;
        }
    }

    @Override
    public Tensor divisor(Tensor leaf) {
        return master.divisor(leaf);
    }

    @Override
    public void progress(double p) {
        master.progress(p);
    }

    /** That of the master weights, which are kept, and a rounded weight while it is used. */
    @Override
    public Cost cost(Geometry g) {
        return master.cost(g).plus(new Cost(0, 0, 0, 0, 0, g.count()));
    }

    @Override
    public QuantisedWeight copy(Copier c) {
        return new QuantisedWeight(c.source(master), dimensions, how, rounding);
    }

    @Override
    public String kind() {
        return how + " of " + master.kind();
    }
}
