package dev.holdfast.calibrate;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Stateful;

/**
 * A change of finished predictions that needs no access to the model: fitted once, saved with it, applied to whatever it
 * says. Applying changes nothing and is safe from many threads.
 */
public interface PostProcessor extends Stateful {
    /**
     * The changed prediction, in the caller's scope; its columns may differ from those that came in.
     *
     * @throws IllegalArgumentException for scores of another kind or width than it was fitted on, and for NaN or infinity
     */
    Prediction apply(Prediction p);

    /** Whether every row keeps the class it had: then accuracy cannot change. */
    boolean keepsDecision();
}
