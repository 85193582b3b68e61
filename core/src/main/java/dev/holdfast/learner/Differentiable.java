package dev.holdfast.learner;

import dev.holdfast.data.DataSource;
import dev.holdfast.nn.Model;
import dev.holdfast.objective.Objective;

/** Gradient learners open their net to diagnostics (05 08 16 37 63) without a word about training. */
public interface Differentiable {
    Model model();

    Objective objective(DataSource data);
}
