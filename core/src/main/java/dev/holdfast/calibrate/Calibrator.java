package dev.holdfast.calibrate;

import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.run.RunContext;

/**
 * Learns from predictions on held-out rows and their classes how to turn what a model says into probabilities that come
 * true as often as they say. A function of its arguments: the same rows, options and seed give the same bits.
 */
public interface Calibrator {
    /**
     * Fits on held-out rows: rows that the model was trained on teach it that it is always right.
     *
     * @param raw LOGITS or PROBABILITIES [n, C] of the model
     * @param labels class ids [n], each with a column
     * @param c its randomness, and who waits
     * @throws IllegalArgumentException without rows, for other scores or targets, for NaN or infinite scores, and for
     *     classes without a column
     */
    PostProcessor fit(Prediction raw, Target labels, RunContext c);

    /** The processor before it was fitted, to load what an earlier one saved. */
    PostProcessor unfitted();
}
