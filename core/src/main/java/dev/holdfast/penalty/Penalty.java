package dev.holdfast.penalty;

import dev.holdfast.loss.Loss;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.Step;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Stateful;
import org.bytedeco.pytorch.Tensor;

/** 0 before the first consolidate; gradient may be a formula (39 last-step KL); observe only where observes() (SI, R-Walk, 30). */
public interface Penalty extends Stateful {
    Tensor value(Parameters now);

    ParamVector gradient(Parameters now);

    default boolean observes() {
        return false;
    }

    default void observe(ParamVector taskGradient, Step step) {}

    void consolidate(Objective finished);
    /** Whose gradients importance measures (MAS: squared output norm). */
    default Loss measuredBy(Loss task) {
        return task;
    }
}
