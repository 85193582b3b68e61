package dev.holdfast.penalty;

import dev.holdfast.config.Frozen;
import dev.holdfast.loss.Loss;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.Step;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Stateful;
import org.bytedeco.pytorch.Tensor;

/**
 * A price on moving parameters away from where earlier tasks left them. Leaves are matched by name, so a head that grew
 * is anchored only where it existed.
 */
@Frozen
public interface Penalty extends Stateful {
    /** The penalty, a scalar; 0 before the first {@link #consolidate}. */
    Tensor value(Parameters now);

    /** Its gradient, null entries where nothing is anchored; by formula, equal to the derivative of {@link #value}. */
    ParamVector gradient(Parameters now);

    /** True if {@link #observe} wants to see every step. */
    default boolean observes() {
        return false;
    }

    /** One step: the gradient of the task loss alone, and the move that was made. */
    default void observe(ParamVector taskGradient, Step step) {}

    /** Whose gradients the importance measures; the task's own loss unless a method says otherwise. */
    default Loss measuredBy(Loss task) {
        return task;
    }

    /** A task is finished: anchor the parameters as they are now. */
    void consolidate(Objective finished);
}
