package dev.holdfast.learner.stream.tree;

import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.RowStore;

/** A node of a multi-label tree. */
abstract sealed class Node permits Leaf, Branch {
    /** The leaf that a row falls into. */
    abstract Leaf leaf(double[] x);

    /** Leaves below, with or without those of alternates. */
    abstract int leaves(boolean alternates);

    /** Numbers that predictions are computed from. */
    abstract long parameters();

    /** A copy for the labels at these places, ascending. */
    abstract Node project(Labelling to, int[] keep);

    /** A copy for these labels and further ones behind them, which no row had. */
    abstract Node widen(Labelling to);

    /** Lets go of all stored rows. */
    abstract void close(RowStore store);

    abstract void save(NumberWriter w);
}
