package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;

/** Computes differently for each task when it is told which one. */
@Frozen
public interface TaskAware {
    /** As {@link Learner#predict}, for rows known to be of this task. */
    Prediction predict(Inputs x, int task);
}
