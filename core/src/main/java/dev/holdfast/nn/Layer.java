package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/** A differentiable map of rows: x [n,...] to y [n,...]. */
@Frozen
public interface Layer extends Part {
    /** One forward pass; {@code pass} says in which mode and supplies all draws. */
    Tensor forward(Tensor x, Pass pass);

    @Override
    Layer copy(Copier c);

    /** A deep copy that shares nothing with this layer. */
    default Layer copy() {
        return copy(new Copier());
    }
}
