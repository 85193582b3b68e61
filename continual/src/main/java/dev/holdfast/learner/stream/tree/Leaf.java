package dev.holdfast.learner.stream.tree;

import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.FeatureSpace;
import dev.holdfast.learner.stream.part.LabelEntropy;
import dev.holdfast.learner.stream.part.LabelPowerset;
import dev.holdfast.learner.stream.part.Labelsets;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.OnlineBagging;
import dev.holdfast.learner.stream.part.RowStore;
import dev.holdfast.learner.stream.part.Scaler;
import java.util.Arrays;

/**
 * A leaf: weight of every label, of rows without any label ("empty") and of all rows ("total"); for each of them sums of
 * every column, from which a split is chosen; and three classifiers.
 *
 * <p>Sums are taken about a centre that is 0 for mostly empty columns, so that an empty entry costs nothing: it adds 0 to
 * both sums.
 */
final class Leaf extends Node {
    private static final double ENTROPY_EVERY = 25;

    final Labelling labelling;
    final int size;
    final int empty;
    final int total;

    /** Weights of labels, "empty", "total". */
    final double[] counts;

    /** Of label, "empty" or "total", by column: weight * (x - centre), and its square; null while it has no weight. */
    final double[][] sums;

    final double[][] squares;

    /** Of a nominal column: [value][label], or null. */
    final double[][] nominal;

    /** Least and greatest number of a column; where {@link #centre} is 0 among rows that are not 0 there. */
    private final double[] least;

    private final double[] most;

    /** Rows that are not 0 in a column, and all rows. */
    private final int[] present;

    private int observed;
    double[] centre;

    /** Columns whose centre is not 0; nominal ones have none. */
    private int[] centred = {};

    Labelsets sets = new Labelsets();
    private int[] prior = {};
    LabelPowerset neighbours;
    OnlineBagging bagging;
    private double losses;
    private long rows;
    double attempted;
    private double entropy;
    private double entropyAt;

    Leaf(Labelling labelling) {
        this.labelling = labelling;
        this.size = labelling.size();
        this.empty = size;
        this.total = size + 1;
        int width = labelling.context.space().width();
        this.counts = new double[size + 2];
        this.sums = new double[size + 2][];
        this.squares = new double[size + 2][];
        this.nominal = new double[width][];
        this.least = new double[width];
        this.most = new double[width];
        this.present = new int[width];
        TreeConfig c = labelling.config;
        this.neighbours = c.keepsRows() ? new LabelPowerset(c.neighbours(), c.window()) : null;
        this.bagging = c.bags()
                ? new OnlineBagging(labelling.context.scaler().expanded(), size, c.rate(), c.interceptRate())
                : null;
    }

    double weight() {
        return counts[total];
    }

    /** Mean Hamming loss of this leaf's own predictions. */
    double loss() {
        return rows == 0 ? 0.5 : losses / rows;
    }

    void scored(double loss) {
        losses += loss;
        rows++;
    }

    @Override
    Leaf leaf(double[] x) {
        return this;
    }

    @Override
    int leaves(boolean alternates) {
        return 1;
    }

    @Override
    long parameters() {
        return size + (bagging == null ? 0 : bagging.parameters());
    }

    /** Writes P(label) of this row to the first entries of {@code p}. */
    void predict(Example e, double[] p) {
        LeafRule rule = labelling.config.leaf();
        if (rule == LeafRule.ADAPTIVE) {
            TreeConfig c = labelling.config;
            rule = sets.distinct() <= 1 && weight() > 0
                    ? LeafRule.MAJORITY
                    : weight() < c.neighboursUntil() || entropy < c.neighboursBelow()
                            ? LeafRule.NEIGHBOURS
                            : LeafRule.BAGGING;
        }
        switch (rule) {
            case NEIGHBOURS -> neighbours.predict(e, labelling.local, p);
            case BAGGING -> bagging.predict(e, p);
            default -> majority(p);
        }
    }

    /** As with neighbours: half the label's share, plus one half for the set's labels. */
    private void majority(double[] p) {
        double n = weight();
        for (int l = 0; l < size; l++) {
            p[l] = n == 0 ? 0 : Math.min(0.5, 0.5 * counts[l] / n);
        }
        int[] set = n == 0 ? prior : sets.majority();
        for (int l : set) {
            p[l] += 0.5;
        }
    }

    /** Learns a row whose labels {@link #labelling} has read. */
    void learn(Example e, double weight) {
        observe(e.x, e.present(), e.presentCount(), weight);
        if (neighbours != null) {
            neighbours.learn(e);
        }
        if (bagging != null) {
            bagging.learn(e, labelling.local);
        }
    }

    double least(int column) {
        return present[column] < observed ? Math.min(0, least[column]) : least[column];
    }

    double most(int column) {
        return present[column] < observed ? Math.max(0, most[column]) : most[column];
    }

    /** Counts a row; {@code filled} columns at the first positions of {@code at} are not 0. */
    private void observe(double[] x, int[] at, int filled, double w) {
        if (centre == null) {
            begin(x.length);
        }
        for (int k = 0; k < filled; k++) {
            int j = at[k];
            double v = x[j];
            if (present[j]++ == 0) {
                least[j] = v;
                most[j] = v;
            } else if (v < least[j]) {
                least[j] = v;
            } else if (v > most[j]) {
                most[j] = v;
            }
        }
        observed++;
        FeatureSpace space = labelling.context.space();
        if (space.hasNominal()) {
            for (int j = 0; j < x.length; j++) {
                if (space.vocabulary(j) > 0) {
                    nominal(j, (int) x[j], w);
                }
            }
        }
        double[] d = labelling.context.work();
        int[] where = null;
        int n = 0;
        if (3 * (filled + centred.length) < x.length) {
            where = labelling.context.positions();
            for (int j : centred) {
                d[j] = x[j] - centre[j];
                where[n++] = j;
            }
            for (int k = 0; k < filled; k++) {
                int j = at[k];
                if (centre[j] == 0) {
                    d[j] = x[j];
                    where[n++] = j;
                }
            }
        } else {
            for (int j = 0; j < x.length; j++) {
                d[j] = x[j] - centre[j];
            }
        }
        for (int i = 0; i < labelling.count; i++) {
            add(labelling.active[i], w, d, where, n);
        }
        if (labelling.count == 0) {
            add(empty, w, d, where, n);
        }
        add(total, w, d, where, n);
        sets.add(labelling.active, labelling.count, w);
        if (weight() - entropyAt >= ENTROPY_EVERY) {
            entropyAt = weight();
            entropy = LabelEntropy.of(counts, size + 1, weight());
        }
    }

    private void begin(int width) {
        Scaler scale = labelling.context.scaler();
        centre = new double[width];
        for (int j = 0; j < width; j++) {
            centre[j] = labelling.context.space().vocabulary(j) > 0 ? 0 : scale.centre(j);
        }
        centred = Scaler.positions(centre);
    }

    private void nominal(int column, int value, double w) {
        int stride = size + 2;
        if (nominal[column] == null) {
            nominal[column] = new double[labelling.context.space().vocabulary(column) * stride];
        }
        double[] n = nominal[column];
        int base = value * stride;
        for (int i = 0; i < labelling.count; i++) {
            n[base + labelling.active[i]] += w;
        }
        if (labelling.count == 0) {
            n[base + empty] += w;
        }
        n[base + total] += w;
    }

    private void add(int label, double w, double[] d, int[] at, int filled) {
        counts[label] += w;
        double[] s = sums[label];
        double[] q = squares[label];
        if (s == null) {
            s = sums[label] = new double[least.length];
            q = squares[label] = new double[least.length];
        }
        if (at == null) {
            for (int j = 0; j < s.length; j++) {
                double v = w * d[j];
                s[j] += v;
                q[j] += v * d[j];
            }
        } else {
            for (int k = 0; k < filled; k++) {
                int j = at[k];
                double v = w * d[j];
                s[j] += v;
                q[j] += v * d[j];
            }
        }
    }

    /** True if no split can help: one label set, or one that nearly all rows have. */
    boolean pure() {
        return sets.distinct() <= 1 || sets.majorityWeight() > labelling.config.pure() * weight();
    }

    /**
     * The leaves below a split. They go on with this leaf's ensemble, and begin with those of its newest rows that fall to
     * them. This leaf is not to be used afterwards.
     */
    Branch split(Split by) {
        Leaf left = new Leaf(labelling);
        Leaf right = new Leaf(labelling);
        int[] majority = sets.majority();
        left.prior = majority;
        right.prior = majority;
        if (bagging != null) {
            left.bagging = bagging;
            right.bagging = bagging.project(places(size));
        }
        if (neighbours != null) {
            RowStore store = labelling.context.store();
            double[] x = new double[least.length];
            Example e = new Example(labelling.context);
            for (int slot : neighbours.slots()) {
                store.read(slot, x);
                int[] set = store.labels(slot);
                labelling.read(set, set.length);
                Leaf to = by.left(x) ? left : right;
                e.of(x);
                to.observe(x, e.present(), e.presentCount(), 1);
                to.neighbours.keep(store, slot);
            }
            neighbours.close(store);
        }
        left.attempted = left.weight();
        right.attempted = right.weight();
        return new Branch(labelling, by, left, right);
    }

    static int[] places(int n) {
        int[] p = new int[n];
        for (int i = 0; i < n; i++) {
            p[i] = i;
        }
        return p;
    }

    @Override
    Leaf project(Labelling to, int[] keep) {
        Leaf o = new Leaf(to);
        int[] place = new int[size];
        Arrays.fill(place, -1);
        for (int l = 0; l < keep.length; l++) {
            place[keep[l]] = l;
            copy(keep[l], o, l);
        }
        copy(total, o, o.total);
        for (int k = 0; k < sets.distinct(); k++) {
            int[] set = restricted(sets.set(k), place);
            o.sets.add(set, set.length, sets.weight(k));
            o.counts[o.empty] += set.length == 0 ? sets.weight(k) : 0;
        }
        o.prior = restricted(prior, place);
        emptyLikeTotal(o);
        for (int j = 0; j < nominal.length; j++) {
            if (nominal[j] != null) {
                o.nominal[j] = projected(nominal[j], o, keep);
            }
        }
        System.arraycopy(least, 0, o.least, 0, least.length);
        System.arraycopy(most, 0, o.most, 0, most.length);
        System.arraycopy(present, 0, o.present, 0, present.length);
        o.observed = observed;
        o.centre = centre == null ? null : centre.clone();
        o.centred = centred;
        o.neighbours = neighbours == null ? null : neighbours.copy(labelling.context.store());
        o.bagging = bagging == null ? null : bagging.project(keep);
        o.losses = losses;
        o.rows = rows;
        o.attempted = attempted;
        o.entropyAt = entropyAt;
        o.entropy = LabelEntropy.of(o.counts, o.size + 1, o.weight());
        return o;
    }

    private void copy(int from, Leaf o, int to) {
        o.counts[to] = counts[from];
        o.sums[to] = sums[from] == null ? null : sums[from].clone();
        o.squares[to] = squares[from] == null ? null : squares[from].clone();
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

    private double[] projected(double[] n, Leaf o, int[] keep) {
        int values = n.length / (size + 2);
        double[] r = new double[values * (o.size + 2)];
        double share = o.counts[o.empty] / Math.max(o.counts[o.total], Double.MIN_NORMAL);
        for (int v = 0; v < values; v++) {
            int from = v * (size + 2);
            int to = v * (o.size + 2);
            for (int l = 0; l < keep.length; l++) {
                r[to + l] = n[from + keep[l]];
            }
            r[to + o.total] = n[from + total];
            r[to + o.empty] = n[from + total] * share;
        }
        return r;
    }

    private static int[] restricted(int[] set, int[] place) {
        return Arrays.stream(set).map(l -> place[l]).filter(l -> l >= 0).toArray();
    }

    @Override
    void close(RowStore store) {
        if (neighbours != null) {
            neighbours.close(store);
        }
    }

    @Override
    void save(NumberWriter w) {
        w.add(true).add(counts);
        w.add(centre != null);
        if (centre != null) {
            w.add(centre).add(least).add(most).add(present).add(observed);
        }
        for (int l = 0; l < size + 2; l++) {
            w.add(sums[l] != null);
            if (sums[l] != null) {
                w.add(sums[l]).add(squares[l]);
            }
        }
        for (double[] n : nominal) {
            w.add(n != null);
            if (n != null) {
                w.add(n);
            }
        }
        sets.save(w);
        w.add(prior).add(losses).add(rows).add(attempted).add(entropy).add(entropyAt);
        if (neighbours != null) {
            neighbours.save(w);
        }
        if (bagging != null) {
            bagging.save(w);
        }
    }

    /** Reads what {@link #save} wrote after its first flag. */
    static Leaf restore(Labelling labelling, NumberReader r) {
        Leaf o = new Leaf(labelling);
        int width = o.least.length;
        System.arraycopy(r.doubles(o.size + 2), 0, o.counts, 0, o.size + 2);
        if (r.flag()) {
            o.centre = r.doubles(width);
            System.arraycopy(r.doubles(width), 0, o.least, 0, width);
            System.arraycopy(r.doubles(width), 0, o.most, 0, width);
            int[] seen = r.ints(0, Integer.MAX_VALUE);
            if (seen.length != width) {
                throw r.damaged("a leaf has " + seen.length + " columns instead of " + width);
            }
            System.arraycopy(seen, 0, o.present, 0, width);
            o.observed = r.integer(0, Integer.MAX_VALUE);
            o.centred = Scaler.positions(o.centre);
        }
        for (int l = 0; l < o.size + 2; l++) {
            if (r.flag()) {
                o.sums[l] = r.doubles(width);
                o.squares[l] = r.doubles(width);
            }
        }
        for (int j = 0; j < width; j++) {
            if (r.flag()) {
                o.nominal[j] = r.doubles(labelling.context.space().vocabulary(j) * (o.size + 2));
            }
        }
        o.sets = Labelsets.restore(r, o.size);
        o.prior = r.labels(o.size);
        o.losses = r.next();
        o.rows = r.whole(0, 1L << 53);
        o.attempted = r.next();
        o.entropy = r.next();
        o.entropyAt = r.next();
        if (o.neighbours != null) {
            o.neighbours.restore(r, labelling.context.store());
        }
        if (o.bagging != null) {
            o.bagging.restore(r);
        }
        return o;
    }
}
