package dev.holdfast.loss;

import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/** A loss that now and then needs a pass over the training data without a step. */
public interface Refreshes {
    /** True if a pass is due before this epoch. */
    boolean due(int epoch);

    /** Makes the pass; {@code scores} is the present network. */
    void refresh(DataSource train, Function<Inputs, Tensor> scores);
}
