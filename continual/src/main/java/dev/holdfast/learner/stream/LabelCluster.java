package dev.holdfast.learner.stream;

import dev.holdfast.math.stream.PairCounter;
import java.util.Arrays;

/** A node of the tree of clusters; a leaf is a group of labels. */
final class LabelCluster {
    int[] labels;
    PairCounter counts;
    final LabelCluster parent;
    LabelCluster left;
    LabelCluster right;
    double d1AtSplit;
    double epsAtSplit;
    double separationAtSplit;

    /** Places of the present row's labels. */
    int[] active;

    int n;

    LabelCluster(int[] labels, LabelCluster parent) {
        this.labels = labels;
        this.counts = new PairCounter(labels.length);
        this.parent = parent;
        this.active = new int[labels.length];
    }

    /** Takes in a label larger than its own, here and in all clusters above; their counts begin anew. */
    void take(int label) {
        for (LabelCluster at = this; at != null; at = at.parent) {
            at.labels = Arrays.copyOf(at.labels, at.labels.length + 1);
            at.labels[at.labels.length - 1] = label;
            at.counts = new PairCounter(at.labels.length);
            at.active = new int[at.labels.length];
        }
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
