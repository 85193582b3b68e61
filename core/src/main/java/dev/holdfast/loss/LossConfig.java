package dev.holdfast.loss;

import dev.holdfast.config.Choice;
import dev.holdfast.config.Frozen;
import dev.holdfast.data.Schema;

/**
 * Which loss a learner makes small, as a value that fits into its configuration. Losses add themselves by listing their
 * record in {@code META-INF/services/dev.holdfast.loss.LossConfig}.
 */
@Frozen
public interface LossConfig extends Choice {
    /** A fresh loss for rows of this schema; what does not fit its classes is refused. */
    Loss build(Schema schema);

    /** True if the loss keeps something for every sample it sees, so that its memory grows with the data. */
    default boolean remembersSamples() {
        return false;
    }
}
