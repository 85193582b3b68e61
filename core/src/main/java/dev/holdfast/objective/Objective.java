package dev.holdfast.objective;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.Parameters;

/** A loss over data as a function of parameters; what curvature, importance and saliency are measured on. */
@Frozen
public interface Objective {
    /** The leaves it is a function of. */
    Parameters parameters();

    /** The loss over a batch, with graph; changes nothing. */
    LossValue at(Batch b);

    /** The data it is over, or null where only {@link #at} is used. */
    DataSource data();
}
