package dev.holdfast.calibrate;

import dev.holdfast.tensor.Stateful;
import org.bytedeco.pytorch.Tensor;

/** What a calibrator fits: from logits to probabilities. Applying is safe from many threads. */
public interface ProbabilityMap extends Stateful {
    /**
     * Probabilities [n, C], rows sum to 1.
     *
     * @param logits [n, C] float64, finite; known up to a constant a row
     */
    Tensor probabilities(Tensor logits);

    /** Whether the order of a row's columns is kept (equal ones may come of unequal ones). */
    boolean keepsOrder();
}
