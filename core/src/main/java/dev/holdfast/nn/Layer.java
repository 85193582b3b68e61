package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** x [n,...] -> y. */
public interface Layer extends Part {
    Tensor forward(Tensor x, Pass pass);

    @Override
    Layer copy(Copier c);
}
