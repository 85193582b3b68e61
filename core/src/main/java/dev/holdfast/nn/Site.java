package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Scope;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * The place of one weight in a net: a stable dotted name, a use, and the source that the weight comes from. A fused
 * query-key-value matrix is one site with three named row ranges.
 */
@Frozen
public final class Site {
    private ParamMeta meta;
    private Geometry geometry;
    private WeightSource source;
    private SiteInput input;
    private final Map<String, long[]> slices;
    private final String tap;
    private final String tapOut;

    /**
     * @param meta what a rule may know about the weight; its name is the site's
     * @param slices named row ranges {from, to}; usually empty
     */
    public Site(ParamMeta meta, Geometry geometry, WeightSource source, Map<String, long[]> slices) {
        this.meta = meta;
        this.geometry = geometry;
        this.slices = Map.copyOf(slices);
        this.tap = "site:" + meta.name() + ".in";
        this.tapOut = "site:" + meta.name() + ".out";
        requireFits(geometry, source);
        this.source = source;
    }

    public Site(ParamMeta meta, Geometry geometry, WeightSource source) {
        this(meta, geometry, source, Map.of());
    }

    public String name() {
        return meta.name();
    }

    public ParamMeta meta() {
        return meta;
    }

    /** Description of a leaf of this site: the site's own, under {@code name.suffix}, or its bare name if empty. */
    public ParamMeta leaf(String suffix) {
        String name = suffix.isEmpty() ? meta.name() : meta.name() + "." + suffix;
        return new ParamMeta(name, meta.role(), meta.fanIn(), meta.fanOut(), meta.decay(), meta.depth());
    }

    public Geometry geometry() {
        return geometry;
    }

    public WeightSource source() {
        return source;
    }

    /** Replaces the source; one of another logical shape is refused. */
    public void source(WeightSource s) {
        requireFits(geometry, s);
        source = s;
    }

    /** Replaces use and source together: for heads that grow. */
    public void resize(Geometry g, WeightSource s) {
        requireFits(g, s);
        meta = new ParamMeta(meta.name(), meta.role(), meta.fanIn(), g.rows(), meta.decay(), meta.depth());
        geometry = g;
        source = s;
    }

    /** Refuses a source of another logical shape than this site's. */
    public void requireFits(WeightSource s) {
        requireFits(geometry, s);
    }

    private void requireFits(Geometry g, WeightSource s) {
        try (Scope scope = Scope.open()) {
            long[] shape = s.toDense().shape();
            if (!Arrays.equals(shape, g.sizes())) {
                throw new IllegalArgumentException("Site '" + name() + "' needs a weight of shape " + g.shape()
                        + " but " + s.kind() + " gives " + Arrays.toString(shape) + ".");
            }
        }
    }

    /** Transform of what enters the site, or null. */
    public SiteInput input() {
        return input;
    }

    public void input(SiteInput i) {
        input = i;
    }

    /** Named row ranges {from, to}. */
    public Map<String, long[]> slices() {
        return slices;
    }

    /** The weight of this pass. */
    public Tensor weight(Pass pass) {
        return source.materialise(pass);
    }

    /** Applies the weight to x; {@code bias} is the site of the bias or null. */
    public Tensor apply(Tensor x, Site bias, Pass pass) {
        Tensor in = input == null ? x : input.apply(x, pass);
        if (pass.taps() != Taps.none()) {
            pass.taps().put(tap, in);
        }
        Tensor out = source.apply(in, bias == null ? null : bias.weight(pass), geometry, pass);
        if (pass.taps() != Taps.none()) {
            pass.taps().put(tapOut, out);
        }
        return out;
    }

    Site copy(Copier c) {
        return new Site(this, c.source(source));
    }

    /** The same place with a copied source, which fits because the original did. */
    private Site(Site original, WeightSource copied) {
        meta = original.meta;
        geometry = original.geometry;
        source = copied;
        input = original.input;
        slices = original.slices;
        tap = original.tap;
        tapOut = original.tapOut;
    }
}
