package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.DataSource;
import dev.holdfast.nn.Model;
import dev.holdfast.objective.Objective;

/** A gradient learner that opens its network to diagnostics, without a word about how it trains. */
@Frozen
public interface Differentiable {
    /** The live network; read only. */
    Model model();

    /** The learner's task loss over data, as a function of its parameters. */
    Objective objective(DataSource data);
}
