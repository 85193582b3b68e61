package dev.holdfast.nn;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** materialise: logical shape, in the graph, or [B,shape]; divisor: element-wise divisor of a leaf's gradient or null (58); initFrom returns the error; progress: once a step, for sources that re-aim (52). */
public interface WeightSource extends Stateful {
    Tensor materialise(Pass pass);

    Tensor apply(Tensor x, Tensor bias, Geometry g, Pass pass);

    List<Leaf> leaves();

    double initFrom(Tensor dense);

    Tensor toDense();

    Tensor divisor(Tensor leaf);

    void progress(double p);

    Cost cost(Geometry g);

    WeightSource copy(Copier c);

    record Leaf(ParamMeta meta, Tensor value) {}

    record Cost(long logical, long stored, long trainable, long bits, long multiplyAdds, long transientNumbers) {}
}
