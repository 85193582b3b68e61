package dev.holdfast.learner;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Stateful;

public interface Learner extends Stateful, AutoCloseable {
    Capabilities capabilities();

    default void begin(Experience e) {}

    StepReport learn(Batch b);

    default void end(Experience e) {}

    Prediction predict(Inputs x);

    Footprint footprint();

    @Override
    default void close() {}
}
