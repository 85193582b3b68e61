package dev.holdfast.learner;

import dev.holdfast.data.Batch;
import dev.holdfast.tensor.ParamVector;

/** g_p and g_s of the next learn(b), no state changed (06). */
public interface SplitsGradient {
    Split split(Batch b);

    record Split(ParamVector plasticity, ParamVector stability) {}
}
