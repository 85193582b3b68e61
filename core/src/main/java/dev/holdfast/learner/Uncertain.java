package dev.holdfast.learner;

import dev.holdfast.data.Inputs;
import dev.holdfast.tensor.Rng;
import org.bytedeco.pytorch.Tensor;

/** [k,n,columns] (39). */
public interface Uncertain {
    Tensor samples(Inputs x, int k, Rng rng);
}
