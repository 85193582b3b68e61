package dev.holdfast.learner.stream.tree;

import dev.holdfast.tensor.Rng;
import java.util.Arrays;

/**
 * Which columns the leaves of a tree look at: each leaf a random few of its own, drawn when it is made, so that the trees
 * of a forest differ. Belongs to one tree.
 */
final class Subspace {
    private final int columns;
    private final Rng rng;
    private int dealt;

    /** @param columns columns of a leaf */
    Subspace(int columns, Rng rng) {
        this.columns = columns;
        this.rng = rng;
    }

    /** Columns of the next leaf, ascending, among those of a row. */
    int[] next(int width) {
        int[] c = Arrays.copyOf(rng.child("leaf", dealt++).permutation(width), Math.min(width, columns));
        Arrays.sort(c);
        return c;
    }

    /** Leaves made so far. */
    int dealt() {
        return dealt;
    }

    void goOnAt(int leaves) {
        dealt = leaves;
    }
}
