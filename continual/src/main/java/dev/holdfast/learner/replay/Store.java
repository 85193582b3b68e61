package dev.holdfast.learner.replay;

import dev.holdfast.memory.ClassBalanced;
import dev.holdfast.memory.DrawPolicy;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.memory.Reservoir;
import dev.holdfast.memory.Ring;
import dev.holdfast.tensor.Rng;

/** Which rows a full replay memory keeps. */
public enum Store {
    /** Every row so far with the same chance. */
    RESERVOIR,
    /** Equal shares for all classes, a reservoir in each; drawn class by class. */
    CLASS_BALANCED,
    /** The newest. */
    RING,
    /**
     * An equal number of rows of every class, those whose mean features stay nearest to their class's, chosen when a part
     * ends.
     */
    HERDING;

    ReplayBuffer buffer(int capacity, Rng rng) {
        return switch (this) {
            case RESERVOIR -> new ReplayBuffer(capacity, new Reservoir(capacity), DrawPolicy.uniform(), rng);
            case CLASS_BALANCED -> new ReplayBuffer(capacity, new ClassBalanced(capacity), DrawPolicy.balanced(), rng);
            case RING -> new ReplayBuffer(capacity, new Ring(capacity), DrawPolicy.uniform(), rng);
            case HERDING -> Exemplars.none(capacity, rng);
        };
    }
}
