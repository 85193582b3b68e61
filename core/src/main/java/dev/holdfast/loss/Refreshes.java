package dev.holdfast.loss;

import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/** A pass over the data without a step (17 TGCE, every 10 epochs). */
public interface Refreshes {
    boolean due(int epoch);

    void refresh(DataSource train, Function<Inputs, Tensor> scores);
}
