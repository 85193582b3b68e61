package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Where the weight of a site comes from: a leaf, a product of thin factors, a frozen base plus a small trainable change,
 * a share of a pool. Reading is safe from several threads; a source never caches across passes.
 */
@Frozen
public interface WeightSource extends Stateful {
    /** The weight in its logical shape, or one a row [B, shape], in the autograd graph; made once a pass. */
    Tensor materialise(Pass pass);

    /** What the site does with x; a source that can do it without the full weight overrides it. */
    default Tensor apply(Tensor x, Tensor bias, Geometry g, Pass pass) {
        return g.apply(x, materialise(pass), bias);
    }

    /** The trainable leaves; every call returns the same tensor objects. */
    List<Leaf> leaves();

    /** What is saved beside the leaves (frozen base, index, signs), by name within the site. */
    default Map<String, Tensor> buffers() {
        return Map.of();
    }

    /** Takes over a dense weight as well as it can; returns the relative error |dense - mine| / |dense| (Frobenius). */
    double initFrom(Tensor dense);

    /** The present weight as a plain tensor without graph. */
    Tensor toDense();

    /** Element-wise divisor of a leaf's gradient, or null. */
    default Tensor divisor(Tensor leaf) {
        return null;
    }

    /** Share of the training done, in [0,1]; called once a step, for sources that re-aim. */
    default void progress(double p) {}

    /** What the source costs at a site of this geometry. */
    Cost cost(Geometry g);

    /** Deep copy; sharing is kept by {@code c}. */
    WeightSource copy(Copier c);

    /** Kind and configuration in words; it is saved, so that a state is not loaded into another kind of source. */
    String kind();

    @Override
    default State state() {
        State s = new State();
        leaves().forEach(l -> s.put(l.meta().name(), l.value()));
        buffers().forEach(s::put);
        return s.put("kind", kind());
    }

    @Override
    default void load(State saved) {
        Inventory.load(state(), saved, "weight source");
    }

    /** A trainable tensor and what is known about it. */
    record Leaf(ParamMeta meta, Tensor value) {}

    /**
     * Numbers of the logical weight; numbers kept; numbers trained; bits kept; multiply-adds for one row of a linear
     * layer, one position of a convolution; numbers that exist only while the weight is materialised.
     */
    record Cost(long logical, long stored, long trainable, long bits, long multiplyAdds, long transientNumbers) {
        public Cost plus(Cost o) {
            return new Cost(
                    logical + o.logical,
                    stored + o.stored,
                    trainable + o.trainable,
                    bits + o.bits,
                    multiplyAdds + o.multiplyAdds,
                    transientNumbers + o.transientNumbers);
        }
    }
}
