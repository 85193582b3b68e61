package dev.holdfast.objective;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Parameters;
import java.util.Map;

/**
 * The loss of a network over data, in evaluation mode: no dropout, stored statistics, nothing moves.
 *
 * @param data what the loss is over; may be null where only {@link #at} is used
 */
public record NetObjective(Model model, Loss loss, DataSource data) implements Objective {
    @Override
    public Parameters parameters() {
        return model.parameters();
    }

    /** Meaning of the score columns. */
    public ClassIndex columns() {
        return model.head().columns();
    }

    @Override
    public LossValue at(Batch b) {
        return at(b, Pass.eval());
    }

    /** As {@link #at(Batch)}, in a pass of the caller's (with taps). */
    public LossValue at(Batch b, Pass pass) {
        return loss.value(
                new LossInput(model.scores(b.inputs(), pass), b.target(), b.rows(), columns(), Map.of(), false));
    }
}
