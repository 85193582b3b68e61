package dev.holdfast.learner.stream;

import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.math.stream.PairCounter;
import java.util.Arrays;

/** A node of the tree of clusters; a leaf is a group of labels. */
final class LabelCluster {
    /** Dissimilarities of a leaf: the smallest, the two largest, their mean; and the places of the most unlike pair. */
    record Spread(double d0, double d1, double d2, double mean, int first, int second) {}

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

    /** Jaccard dissimilarity of the labels at these places. */
    double d(int i, int j) {
        return 1 - counts.jaccard(i, j);
    }

    Spread spread() {
        int n = labels.length;
        double d0 = Double.POSITIVE_INFINITY;
        double d1 = Double.NEGATIVE_INFINITY;
        double d2 = Double.NEGATIVE_INFINITY;
        double sum = 0;
        int first = 0;
        int second = 1;
        for (int i = 0; i < n; i++) {
            for (int j = i + 1; j < n; j++) {
                double d = d(i, j);
                sum += d;
                d0 = Math.min(d0, d);
                if (d > d1) {
                    d2 = d1;
                    d1 = d;
                    first = i;
                    second = j;
                } else {
                    d2 = Math.max(d2, d);
                }
            }
        }
        // two labels are one pair: there is no second largest, and nothing to tell apart
        return new Spread(d0, d1, n == 2 ? d1 : d2, sum / (0.5 * n * (n - 1)), first, second);
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

    void save(NumberWriter w) {
        w.add(labels).add(counts.save()).add(leaf());
        if (!leaf()) {
            w.add(d1AtSplit).add(epsAtSplit).add(separationAtSplit);
            left.save(w);
            right.save(w);
        }
    }

    static LabelCluster restore(NumberReader r, int labels, LabelCluster parent) {
        int[] some = r.labels(labels);
        if (some.length == 0) {
            throw r.damaged("a cluster has no labels");
        }
        LabelCluster c = new LabelCluster(some, parent);
        c.counts.restore(r.longs());
        if (!r.flag()) {
            c.d1AtSplit = r.next();
            c.epsAtSplit = r.next();
            c.separationAtSplit = r.next();
            c.left = restore(r, labels, c);
            c.right = restore(r, labels, c);
        }
        return c;
    }
}
