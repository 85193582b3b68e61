package dev.holdfast.objective;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.Parameters;

/** A loss over data as a function of parameters: HvpOperator, PerSampleGradients, Fisher, WeightScore and diagnostics take it. */
public interface Objective {
    Parameters parameters();

    LossValue at(Batch b);

    DataSource data();
}
