package dev.holdfast.learner.stream;

import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.math.stream.PairCounter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Labels {@code first, ..., end - 1} that came together in mid-stream and are in no cluster yet. Pairs of all labels that
 * there are are counted from then on; those rows alone tell of the new labels as of the old.
 */
final class Newcomers {
    /**
     * A label that came in mid-stream found its cluster.
     *
     * @param cluster the labels that it joined
     * @param mean its mean d to them
     */
    record Join(long row, int label, int[] cluster, double mean) {
        @Override
        public String toString() {
            return "label " + label + " joined " + Arrays.toString(cluster);
        }
    }

    final int first;
    final int end;
    final PairCounter counts;

    Newcomers(int first, int end) {
        this.first = first;
        this.end = end;
        this.counts = new PairCounter(end);
    }

    /** Counts a row; labels that came later are left out. */
    void add(int[] active, int count) {
        int n = 0;
        while (n < count && active[n] < end) {
            n++;
        }
        counts.add(active, n);
    }

    /** Each label joins the leaf that it is least unlike on average (ties: the first), which goes on with these counts. */
    List<Join> join(List<LabelCluster> leaves, long row) {
        List<Join> joins = new ArrayList<>();
        List<LabelCluster> grown = new ArrayList<>();
        for (int label = first; label < end; label++) {
            LabelCluster best = null;
            double least = Double.POSITIVE_INFINITY;
            for (LabelCluster c : leaves) {
                double mean = unlike(label, c.labels);
                if (mean < least) {
                    least = mean;
                    best = c;
                }
            }
            joins.add(new Join(row, label, best.labels, least));
            best.take(label);
            grown.add(best);
        }
        grown.forEach(c -> c.counts = counts.project(c.labels));
        return joins;
    }

    private double unlike(int label, int[] others) {
        double sum = 0;
        for (int other : others) {
            sum += 1 - counts.jaccard(label, other);
        }
        return sum / others.length;
    }

    void save(NumberWriter w) {
        w.add(first).add(end).add(counts.save());
    }

    static Newcomers restore(NumberReader r, int known) {
        int first = r.integer(1, known - 1);
        Newcomers n = new Newcomers(first, r.integer(first + 1, known));
        n.counts.restore(r.longs());
        return n;
    }
}
