package dev.holdfast.loss;

import dev.holdfast.config.Frozen;
import dev.holdfast.run.Term;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** The value of a loss over a batch. */
@Frozen
public interface LossValue {
    /** How the losses of the rows become one number. */
    enum Reduction {
        /** Their weighted sum. */
        SUM,
        /** Their weighted sum over the number of rows. */
        MEAN,
        /** Their weighted sum over the number of rows with a weight other than 0. */
        MEAN_KEPT
    }

    /** Losses of the rows [n] with graph, or null for losses that only a batch has. */
    Tensor perSample();

    /** The number to differentiate, with the loss's own reduction; weights [n] or null for all one. 0 for no rows. */
    Tensor total(Tensor weights);

    /** Parts by name, detached: mean over the rows. */
    List<Term> parts();
}
