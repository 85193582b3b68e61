package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;

/** A learner that can exactly undo having learnt some rows. */
@Frozen
public interface Forgets extends Learner {
    /**
     * Becomes, up to rounding, what it would be had these rows never been learnt.
     *
     * @throws IllegalArgumentException if a class among them was never learnt, or more rows of it than were learnt
     */
    void forget(Batch rows);
}
