package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

public interface Copier {
    Tensor leaf(Tensor t);

    <P extends Part> P part(P p);

    WeightSource source(WeightSource s);

    Pool pool(Pool p);
}
