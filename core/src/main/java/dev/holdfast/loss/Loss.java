package dev.holdfast.loss;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.tensor.Stateful;

/**
 * What is to be made small. {@link #value} never changes state; a loss that moves with what it sees does so in {@link
 * #observe}, which the learner calls in the open where the method's paper says so.
 */
@Frozen
public interface Loss extends Stateful {
    /** The losses of the rows, with graph; a target of another kind, shape or class is refused by row. */
    LossValue value(LossInput in);

    /** Takes in rows of training. */
    default void observe(LossInput in) {}

    /** Refuses rows that {@link #observe} would refuse, before anything has moved; most losses take any. */
    default void requireFits(Rows rows) {}

    /** What the scores must be. */
    Prediction.Kind expects();
}
