package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.nn.Model;
import dev.holdfast.objective.Objective;

/** A learner around one {@link Net}, whose predictions and diagnostics are the net's; how it learns is its own. */
@Frozen
public interface NetLearner extends Learner, Differentiable {
    /** The live network with its optimizer; others may look, only the learner moves it. */
    Net net();

    @Override
    default Prediction predict(Inputs x) {
        return net().predict(x);
    }

    @Override
    default Model model() {
        return net().model();
    }

    @Override
    default Objective objective(DataSource data) {
        return net().objective(data);
    }
}
