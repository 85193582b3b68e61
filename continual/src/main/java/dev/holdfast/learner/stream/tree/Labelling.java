package dev.holdfast.learner.stream.tree;

import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.StreamContext;
import java.util.Arrays;

/** The labels of one tree among those of the stream, and the labels of the present row among those of the tree. */
final class Labelling {
    final StreamContext context;
    final TreeConfig config;

    /** Columns that leaves look at; null for all. */
    final Subspace subspace;

    /** Labels of the tree, ascending. */
    final int[] labels;

    /** Place of each label of the stream, or -1. */
    final int[] local;

    /** Places of the active labels of the row that is being learnt, ascending: the first {@link #count}. */
    final int[] active;

    int count;

    Labelling(StreamContext context, TreeConfig config, int[] labels, Subspace subspace) {
        this.context = context;
        this.config = config;
        this.subspace = subspace;
        this.labels = labels;
        this.local = new int[context.labels()];
        Arrays.fill(local, -1);
        for (int l = 0; l < labels.length; l++) {
            local[labels[l]] = l;
        }
        this.active = new int[labels.length];
    }

    /** Columns of a new leaf; null for all. */
    int[] columns() {
        return subspace == null ? null : subspace.next(context.space().width());
    }

    int size() {
        return labels.length;
    }

    void read(Example e) {
        read(e.labels, e.count);
    }

    void read(int[] set, int n) {
        count = 0;
        for (int i = 0; i < n; i++) {
            int l = local[set[i]];
            if (l >= 0) {
                active[count++] = l;
            }
        }
    }

    /** Share of wrong decisions of p > 1/2 on the row that was read. */
    double hamming(double[] p) {
        int wrong = 0;
        for (int l = 0; l < labels.length; l++) {
            wrong += p[l] > 0.5 ? 1 : 0;
        }
        for (int i = 0; i < count; i++) {
            wrong += p[active[i]] > 0.5 ? -1 : 1;
        }
        return (double) wrong / labels.length;
    }
}
