package dev.holdfast.learner.stream.tree;

import dev.holdfast.learner.stream.part.LabelEntropy;
import java.util.Arrays;

/** Leaves for some of another leaf's labels, or for more of them, with what that leaf has seen. */
final class LeafCopy {
    private LeafCopy() {}

    /** A leaf for the labels at these places, ascending. */
    static Leaf project(Leaf from, Labelling to, int[] keep) {
        Leaf o = new Leaf(to, from.columns);
        int[] place = new int[from.size];
        Arrays.fill(place, -1);
        for (int l = 0; l < keep.length; l++) {
            place[keep[l]] = l;
            label(from, keep[l], o, l);
        }
        label(from, from.total, o, o.total);
        for (int k = 0; k < from.sets.distinct(); k++) {
            int[] set = restricted(from.sets.set(k), place);
            o.sets.add(set, set.length, from.sets.weight(k));
            o.counts[o.empty] += set.length == 0 ? from.sets.weight(k) : 0;
        }
        o.prior = restricted(from.prior, place);
        emptyLikeTotal(o);
        for (int j = 0; j < o.nominal.length; j++) {
            if (from.nominal[j] != null) {
                o.nominal[j] = projected(from, from.nominal[j], o, keep);
            }
        }
        rows(from, o);
        o.bagging = from.bagging == null ? null : from.bagging.project(keep);
        o.entropy = LabelEntropy.of(o.counts, o.size + 1, o.weight());
        return o;
    }

    /** A leaf for all its labels and further ones behind them, which no row had; {@code from} is not to be used afterwards. */
    static Leaf widen(Leaf from, Labelling to) {
        Leaf o = new Leaf(to, from.columns);
        for (int l = 0; l < from.size; l++) {
            label(from, l, o, l);
        }
        label(from, from.empty, o, o.empty);
        label(from, from.total, o, o.total);
        // with the order in which equal weights were reached
        o.sets = from.sets;
        o.prior = from.prior;
        for (int j = 0; j < o.nominal.length; j++) {
            if (from.nominal[j] != null) {
                o.nominal[j] = widened(from, from.nominal[j], o);
            }
        }
        rows(from, o);
        o.bagging = from.bagging == null ? null : from.bagging.widen(o.size);
        // labels that were never seen add nothing
        o.entropy = from.entropy;
        return o;
    }

    /** Everything but what is kept by label. */
    private static void rows(Leaf from, Leaf o) {
        int width = from.width();
        System.arraycopy(from.least, 0, o.least, 0, width);
        System.arraycopy(from.most, 0, o.most, 0, width);
        System.arraycopy(from.present, 0, o.present, 0, width);
        o.observed = from.observed;
        o.centre = from.centre == null ? null : from.centre.clone();
        o.centred = from.centred;
        o.neighbours = from.neighbours == null ? null : from.neighbours.copy(from.labelling.context.store());
        o.losses = from.losses;
        o.rows = from.rows;
        o.attempted = from.attempted;
        o.entropyAt = from.entropyAt;
    }

    private static void label(Leaf from, int label, Leaf o, int to) {
        o.counts[to] = from.counts[label];
        o.sums[to] = from.sums[label] == null ? null : from.sums[label].clone();
        o.squares[to] = from.squares[label] == null ? null : from.squares[label].clone();
    }

    /** Where rows without any of the kept labels lie is not known; they are taken to lie like all rows. */
    private static void emptyLikeTotal(Leaf o) {
        double share = o.counts[o.empty] / Math.max(o.counts[o.total], Double.MIN_NORMAL);
        if (o.counts[o.empty] == 0 || o.sums[o.total] == null) {
            return;
        }
        o.sums[o.empty] = Arrays.stream(o.sums[o.total]).map(v -> v * share).toArray();
        o.squares[o.empty] =
                Arrays.stream(o.squares[o.total]).map(v -> v * share).toArray();
    }

    private static double[] projected(Leaf from, double[] n, Leaf o, int[] keep) {
        int stride = from.size + 2;
        int values = n.length / stride;
        double[] r = new double[values * (o.size + 2)];
        double share = o.counts[o.empty] / Math.max(o.counts[o.total], Double.MIN_NORMAL);
        for (int v = 0; v < values; v++) {
            int at = v * stride;
            int to = v * (o.size + 2);
            for (int l = 0; l < keep.length; l++) {
                r[to + l] = n[at + keep[l]];
            }
            r[to + o.total] = n[at + from.total];
            r[to + o.empty] = n[at + from.total] * share;
        }
        return r;
    }

    private static double[] widened(Leaf from, double[] n, Leaf o) {
        int stride = from.size + 2;
        int values = n.length / stride;
        double[] r = new double[values * (o.size + 2)];
        for (int v = 0; v < values; v++) {
            System.arraycopy(n, v * stride, r, v * (o.size + 2), from.size);
            System.arraycopy(n, v * stride + from.empty, r, v * (o.size + 2) + o.empty, 2);
        }
        return r;
    }

    private static int[] restricted(int[] set, int[] place) {
        return Arrays.stream(set).map(l -> place[l]).filter(l -> l >= 0).toArray();
    }
}
