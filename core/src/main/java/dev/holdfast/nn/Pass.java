package dev.holdfast.nn;

import dev.holdfast.tensor.Rng;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/** One forward pass: mode, draws, memo of materialised weights, requested taps, token mask [n,T], condition [n,d] or task id, prefixes. Lives no longer. */
public interface Pass {
    boolean training();

    Rng rng();

    double progress();

    int task();

    Tensor condition();

    Tensor mask();

    Taps taps();

    AttentionMemory prefix(String attention);

    Tensor memo(Object key, Supplier<Tensor> make);
}
