package dev.holdfast.tck;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.State;

/** A learner that no other can take over. */
final class Stranger implements Learner {
    @Override
    public Capabilities capabilities() {
        return Capabilities.of();
    }

    @Override
    public StepReport learn(Batch b) {
        return new StepReport(Double.NaN, 0);
    }

    @Override
    public Prediction predict(Inputs x) {
        throw new IllegalStateException("A stranger to the learner under test predicts nothing.");
    }

    @Override
    public Footprint footprint() {
        return new Footprint(0, 0, "nothing");
    }

    @Override
    public State state() {
        return new State();
    }

    @Override
    public void load(State saved) {
        // has no state
    }
}
