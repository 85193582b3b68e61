package dev.holdfast.learner;

import dev.holdfast.config.Frozen;

/**
 * A learner whose state after the rows of A and then of B is a function of the two states learnt apart: exact merging,
 * no rows exchanged.
 */
@Frozen
public interface Mergeable extends Learner {
    /**
     * Takes over what {@code other} has learnt, as if its rows had been learnt here; {@code other} is left as it was.
     *
     * @throws IllegalArgumentException if the configurations differ in anything that shapes the statistics
     */
    void merge(Learner other);
}
