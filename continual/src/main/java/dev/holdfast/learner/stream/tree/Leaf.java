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

    /** The columns that it looks at, ascending; null for all. All that is kept by column is kept of these, in this order. */
    final int[] columns;

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
    final double[] least;

    final double[] most;

    /** Rows that are not 0 in a column, and all rows. */
    final int[] present;

    int observed;
    double[] centre;

    /** Columns whose centre is not 0; nominal ones have none. */
    int[] centred = {};

    Labelsets sets = new Labelsets();
    int[] prior = {};
    LabelPowerset neighbours;
    OnlineBagging bagging;
    double losses;
    long rows;
    double attempted;
    double entropy;
    double entropyAt;

    Leaf(Labelling labelling) {
        this(labelling, labelling.columns());
    }

    Leaf(Labelling labelling, int[] columns) {
        this.labelling = labelling;
        this.columns = columns;
        this.size = labelling.size();
        this.empty = size;
        this.total = size + 1;
        int width = columns == null ? labelling.context.space().width() : columns.length;
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

    /** Number of columns that it looks at. */
    int width() {
        return least.length;
    }

    /** Column of a row that stands k-th among those that it looks at. */
    int column(int k) {
        return columns == null ? k : columns[k];
    }

    /** Values of the k-th column; 0 for a numeric one. */
    int vocabulary(int k) {
        return labelling.context.space().vocabulary(column(k));
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
            begin();
        }
        observed++;
        if (columns == null) {
            observeAll(x, at, filled, w);
        } else {
            observeSome(x, w);
        }
        sets.add(labelling.active, labelling.count, w);
        if (weight() - entropyAt >= ENTROPY_EVERY) {
            entropyAt = weight();
            entropy = LabelEntropy.of(counts, size + 1, weight());
        }
    }

    private void extend(int k, double v) {
        if (present[k]++ == 0) {
            least[k] = v;
            most[k] = v;
        } else if (v < least[k]) {
            least[k] = v;
        } else if (v > most[k]) {
            most[k] = v;
        }
    }

    private void observeSome(double[] x, double w) {
        double[] d = labelling.context.work();
        for (int k = 0; k < columns.length; k++) {
            double v = x[columns[k]];
            if (v != 0) {
                extend(k, v);
            }
            if (vocabulary(k) > 0) {
                nominal(k, (int) v, w);
            }
            d[k] = v - centre[k];
        }
        add(w, d, null, 0);
    }

    private void observeAll(double[] x, int[] at, int filled, double w) {
        for (int k = 0; k < filled; k++) {
            extend(at[k], x[at[k]]);
        }
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
        add(w, d, where, n);
    }

    private void add(double w, double[] d, int[] where, int n) {
        for (int i = 0; i < labelling.count; i++) {
            add(labelling.active[i], w, d, where, n);
        }
        if (labelling.count == 0) {
            add(empty, w, d, where, n);
        }
        add(total, w, d, where, n);
    }

    private void begin() {
        Scaler scale = labelling.context.scaler();
        centre = new double[width()];
        for (int k = 0; k < centre.length; k++) {
            centre[k] = vocabulary(k) > 0 ? 0 : scale.centre(column(k));
        }
        centred = Scaler.positions(centre);
    }

    private void nominal(int column, int value, double w) {
        int stride = size + 2;
        if (nominal[column] == null) {
            nominal[column] = new double[vocabulary(column) * stride];
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
            double[] x = new double[labelling.context.space().width()];
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
        return LeafCopy.project(this, to, keep);
    }

    @Override
    Leaf widen(Labelling to) {
        return LeafCopy.widen(this, to);
    }

    @Override
    void close(RowStore store) {
        if (neighbours != null) {
            neighbours.close(store);
        }
    }

    @Override
    void save(NumberWriter w) {
        w.add(true);
        if (columns != null) {
            w.add(columns);
        }
        w.add(counts);
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
        int[] columns = labelling.subspace == null
                ? null
                : r.labels(labelling.context.space().width());
        Leaf o = new Leaf(labelling, columns);
        int width = o.width();
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
                o.nominal[j] = r.doubles(o.vocabulary(j) * (o.size + 2));
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
