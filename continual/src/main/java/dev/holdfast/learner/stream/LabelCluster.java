package dev.holdfast.learner.stream;

import dev.holdfast.math.stream.PairCounter;

/** A node of the tree of clusters; a leaf is a group of labels. */
final class LabelCluster {
    final int[] labels;
    final PairCounter counts;
    final LabelCluster parent;
    LabelCluster left;
    LabelCluster right;
    double d1AtSplit;
    double epsAtSplit;
    double separationAtSplit;

    /** Places of the present row's labels. */
    final int[] active;

    int n;

    LabelCluster(int[] labels, LabelCluster parent) {
        this.labels = labels;
        this.counts = new PairCounter(labels.length);
        this.parent = parent;
        this.active = new int[labels.length];
    }

    boolean leaf() {
        return left == null;
    }

    /** True if it is below, or is, this node. */
    boolean below(LabelCluster ancestor) {
        for (LabelCluster at = this; at != null; at = at.parent) {
            if (at == ancestor) {
                return true;
            }
        }
        return false;
    }
}
