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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A frozen base plus a trained product of two thin factors, W = W0 + (alpha/r) B A (Hu et al., LoRA: Low-Rank
 * Adaptation of Large Language Models, arXiv 2106.09685, section 4.1). A [r,in] starts uniform in +-1/sqrt(in), B
 * [out,r] at zero, so that the net starts as it was. The base is no leaf: neither decay nor momentum can move it. In
 * training, dropout may act on what enters the factors, and on nothing else.
 */
public final class LoraDelta implements WeightSource {
    /** Rows [from, to) of the weight with their own factors. */
    private record Block(String name, long from, long to, Tensor a, Tensor b, ParamMeta aMeta, ParamMeta bMeta) {}

    private final String site;
    private final Geometry geometry;
    private WeightSource base;
    private final double scale;
    private final double dropout;
    private final List<Block> blocks;
    private final List<Leaf> leaves = new ArrayList<>();

    private LoraDelta(
            String site, Geometry geometry, WeightSource base, double scale, double dropout, List<Block> blocks) {
        this.site = site;
        this.geometry = geometry;
        this.base = base;
        this.scale = scale;
        this.dropout = dropout;
        this.blocks = List.copyOf(blocks);
        for (Block b : blocks) {
            leaves.add(new Leaf(b.aMeta, b.a));
            leaves.add(new Leaf(b.bMeta, b.b));
        }
    }

    /**
     * Freezes whatever source the site has now and puts trainable factors on top.
     *
     * @param alpha the factors' product is scaled by alpha/rank
     * @param slices names of row ranges of the site to adapt (q and v of a fused matrix); none = all rows
     */
    public static LoraDelta of(Site site, int rank, double alpha, Rng rng, String... slices) {
        return of(site, rank, alpha, 0, rng, slices);
    }

    /**
     * The same with dropout.
     *
     * @param dropout share of the numbers entering the factors that are dropped in a training pass, in [0, 1); > 0 only at
     *     linear sites
     */
    public static LoraDelta of(Site site, int rank, double alpha, double dropout, Rng rng, String... slices) {
        Geometry g = site.geometry();
        if (!(dropout >= 0 && dropout < 1) || dropout > 0 && g.kind() != Geometry.Kind.LINEAR) {
            throw new IllegalArgumentException("Site '" + site.name() + "' (" + g.kind() + ") cannot take dropout "
                    + dropout + "; expected [0, 1), and 0 unless it is linear.");
        }
        if (g.kind() == Geometry.Kind.VECTOR) {
            throw new IllegalArgumentException("Site '" + site.name() + "' is a vector; it has no factors.");
        }
        Map<String, long[]> ranges = new LinkedHashMap<>();
        if (slices.length == 0) {
            ranges.put("", new long[] {0, g.rows()});
        }
        for (String s : slices) {
            long[] range = site.slices().get(s);
            if (range == null) {
                throw new IllegalArgumentException("Site '" + site.name() + "' has no rows named '" + s + "'; it has "
                        + site.slices().keySet() + ".");
            }
            ranges.put(s, range);
        }
        List<Block> blocks = new ArrayList<>();
        try (Scope scope = Scope.open()) {
            Tensor like = site.source().toDense();
            ranges.forEach((name, range) -> {
                long rows = range[1] - range[0];
                if (rank < 1 || rank > Math.min(rows, g.fanIn())) {
                    throw new IllegalArgumentException("Site '" + site.name() + "' cannot take factors of rank " + rank
                            + "; expected 1 to " + Math.min(rows, g.fanIn()) + ".");
                }
                String prefix = site.name() + ".lora" + (name.isEmpty() ? "" : "." + name);
                double bound = 1 / Math.sqrt(g.fanIn());
                Tensor a = rng.child(prefix)
                        .uniform(like.scalar_type(), rank, g.fanIn())
                        .mul(Tensors.scalar(2 * bound))
                        .sub(Tensors.scalar(bound));
                ParamMeta m = site.meta();
                blocks.add(new Block(
                        name,
                        range[0],
                        range[1],
                        Dense.trainable(a),
                        Dense.trainable(Tensors.zerosLike(like, rows, rank)),
                        new ParamMeta(prefix + ".a", m.role(), g.fanIn(), rank, m.decay(), m.depth()),
                        new ParamMeta(prefix + ".b", m.role(), rank, rows, m.decay(), m.depth())));
            });
        }
        return new LoraDelta(site.name(), g, Copier.frozen().source(site.source()), alpha / rank, dropout, blocks);
    }

    /** The frozen base. */
    public WeightSource base() {
        return base;
    }

    @Override
    public Tensor materialise(Pass pass) {
        return pass.memo(this, () -> sum(base.materialise(pass), false));
    }

    @Override
    public Tensor toDense() {
        return sum(base.toDense(), true);
    }

    private Tensor sum(Tensor w0, boolean detached) {
        List<Tensor> parts = new ArrayList<>();
        long at = 0;
        for (Block k : blocks) {
            if (k.from > at) {
                parts.add(Tensors.zerosLike(k.b, k.from - at, geometry.fanIn()));
            }
            Tensor delta = (detached ? k.b.detach() : k.b).matmul(detached ? k.a.detach() : k.a);
            parts.add(delta);
            at = k.to;
        }
        if (at < geometry.rows()) {
            parts.add(Tensors.zerosLike(blocks.get(0).b, geometry.rows() - at, geometry.fanIn()));
        }
        Tensor all = parts.size() == 1 ? parts.get(0) : Tensors.cat(0, parts.toArray(new Tensor[0]));
        return w0.add(all.view(geometry.sizes()), Tensors.scalar(scale));
    }

    @Override
    public Tensor apply(Tensor x, Tensor bias, Geometry g, Pass pass) {
        if (!Sources.canBeThin(g)) {
            return g.apply(x, materialise(pass), bias);
        }
        Tensor y = base.apply(x, bias, g, pass);
        Tensor entering = dropped(x, pass);
        for (Block k : blocks) {
            Tensor delta = Sources.thin(entering, k.b, k.a, null, g);
            long before = k.from;
            long after = g.rows() - k.to;
            if (before > 0 || after > 0) {
                // the last pairs of numbers pad the last dimensions; channels of an image are the third from the end
                delta = torch.constant_pad_nd(
                        delta,
                        g.kind() == Geometry.Kind.CONV
                                ? new long[] {0, 0, 0, 0, before, after}
                                : new long[] {before, after});
            }
            y = y.add(delta, Tensors.scalar(scale));
        }
        return y;
    }

    private Tensor dropped(Tensor x, Pass pass) {
        if (dropout == 0 || !pass.training()) {
            return x;
        }
        Tensor kept =
                pass.draws(site + ".lora").uniform(x.scalar_type(), x.shape()).ge(Tensors.scalar(dropout));
        return x.mul(kept.to(x.scalar_type()).div_(Tensors.scalar(1 - dropout)));
    }

    @Override
    public List<Leaf> leaves() {
        return leaves;
    }

    @Override
    public Map<String, Tensor> buffers() {
        Map<String, Tensor> b = new LinkedHashMap<>();
        for (Leaf l : base.leaves()) {
            String name = l.meta().name();
            b.put("base." + (name.startsWith(site + ".") ? name.substring(site.length() + 1) : name), l.value());
        }
        base.buffers().forEach((name, t) -> b.put("base." + name, t));
        return b;
    }

    /** The base becomes {@code dense}, the change zero. */
    @Override
    public double initFrom(Tensor dense) {
        Sources.requireShape(site, dense, geometry.sizes());
        // the base may still be seen by others (a net it was copied from), so it is replaced, not overwritten
        WeightSource fresh = base.copy(new Copier());
        double error = fresh.initFrom(dense);
        base = fresh;
        try (var mode = Autograd.noGrad()) {
            blocks.forEach(k -> k.b.zero_());
        }
        return error;
    }

    @Override
    public Cost cost(Geometry g) {
        Cost c = base.cost(g);
        long n = 0;
        long bits = 0;
        for (Leaf l : leaves) {
            n += l.value().numel();
            bits += Sources.bits(l.value());
        }
        boolean thin = Sources.canBeThin(g);
        return new Cost(
                c.logical(),
                c.stored() + n,
                n,
                c.bits() + bits,
                c.multiplyAdds() + (thin ? n : 0),
                c.transientNumbers() + (thin ? 0 : c.logical()));
    }

    @Override
    public LoraDelta copy(Copier c) {
        List<Block> b = new ArrayList<>();
        for (Block k : blocks) {
            b.add(new Block(k.name, k.from, k.to, c.leaf(k.a), c.leaf(k.b), k.aMeta, k.bMeta));
        }
        return new LoraDelta(site, geometry, c.source(base), scale, dropout, b);
    }

    @Override
    public String kind() {
        StringBuilder s = new StringBuilder("lora scale=" + scale + (dropout > 0 ? " dropout=" + dropout : ""));
        blocks.forEach(k -> s.append(" rows=")
                .append(k.from)
                .append("..")
                .append(k.to)
                .append(" rank=")
                .append(k.b.size(1)));
        return s.append(" over ").append(base.kind()).toString();
    }
}
