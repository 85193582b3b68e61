package dev.holdfast.learner.stream;

import dev.holdfast.config.Doc;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.math.stream.HoeffdingBound;
import dev.holdfast.math.stream.PairCounter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Groups labels that occur together, online: a binary tree of clusters whose leaves are the groups. Every {@code nMin}
 * rows each leaf may split in two around its most unlike pair of labels, or be merged back into its parent; labels i and j
 * are unlike by d = 1 - J_ij, J their Jaccard index since the leaf was made.
 *
 * <p>A leaf splits if {@code (d1 - d2 > eps or tau > eps) and (d1 - d0) |d1 + d0 - 2 mean| > eps}, with d1 >= d2 the two
 * largest, d0 the smallest and mean the mean d over pairs, {@code eps = sqrt(ln(1/delta) / (2n))}; the pair of d1 are the
 * pivots, and every other label joins the closer one. It is merged by the rule of ODAC if its d1 exceeds that of its parent
 * at its split by more than both their bounds. As d hardly exceeds a d that was near 1, a split is also taken back when it
 * has lost its separation, the mean d between labels of the two sides less the mean d within a side: when that, over the
 * newest 5 to 10 times {@code nMin} rows, is less than half of what it was at the split, and by more than the bound.
 *
 * <p>Rodrigues, Gama, Pedroso: <i>Hierarchical Clustering of Time-Series Data Streams</i>, TKDE 2008 (ODAC); for labels:
 * <i>Online hierarchical partitioning of the output space in extreme multi-label data streams</i>, arXiv 2507.20894. One
 * thread.
 */
public final class LabelClusterer {
    private static final long PERIOD = 5;
    private static final int[] NONE = {};

    /** When siblings become one again. */
    public enum MergeRule {
        ODAC,
        SEPARATION,
        BOTH
    }

    /**
     * The defaults are the paper's settings; a delta of 0.9 makes the bound small, so splits come early.
     *
     * @param nMin rows between two looks; the largest int means never
     */
    public record Config(
            @Doc("confidence of splits and merges; smaller waits for more rows") double delta,
            @Doc("bound below which ties are split") double tau,
            @Doc("rows between two looks at the clusters") int nMin,
            @Doc("when siblings are merged") MergeRule merge,
            @Doc("join clusters smaller than the usual label set with their nearest") boolean refine,
            @Doc("labels that a joined cluster may have; 0 for any number") int maxSize) {
        public Config {
            if (!(delta > 0 && delta < 1) || !(tau >= 0) || nMin < 1 || merge == null || maxSize < 0) {
                throw new IllegalArgumentException("Expected delta in (0, 1), tau >= 0, nMin >= 1, a merge rule and"
                        + " maxSize >= 0 but got " + delta + ", " + tau + ", " + nMin + ", " + merge + ", " + maxSize
                        + ".");
            }
        }

        public static Config defaults() {
            return new Config(0.9, 0.1, 100, MergeRule.BOTH, true, 0);
        }

        public Config withDelta(double d) {
            return new Config(d, tau, nMin, merge, refine, maxSize);
        }
    }

    /**
     * A split or a merge. Of a merge by the rule of ODAC d1 is that of the child and d2 that of the parent at its split;
     * of one by lost separation d0, d1 and the mean are NaN.
     */
    public record Event(
            long row,
            boolean split,
            int[] labels,
            int[] pivots,
            int[] left,
            int[] right,
            double d0,
            double d1,
            double d2,
            double mean,
            double eps) {
        @Override
        public String toString() {
            return split
                    ? "split " + Arrays.toString(labels) + " into " + Arrays.toString(left) + " and "
                            + Arrays.toString(right)
                    : "merged to " + Arrays.toString(labels);
        }
    }

    private final Config config;
    private final int labels;
    private LabelCluster root;

    /** Pairs of all labels over the newest rows: those of this period, and those of the one before. */
    private PairCounter recent;

    private PairCounter before;
    private long[] cardinalities;
    private long rows;
    private int[][] partition;
    private List<Event> events = List.of();
    private List<Newcomers> newcomers = new ArrayList<>();
    private List<Newcomers.Join> joins = List.of();

    /** The clusters that count; of each label its leaf and its place there. */
    private List<LabelCluster> leaves;

    private LabelCluster[] leafOf;
    private int[] placeInLeaf;

    public LabelClusterer(Config config, int labels) {
        this.config = config;
        this.labels = labels;
        this.root = new LabelCluster(every(labels), null);
        this.recent = new PairCounter(labels);
        this.before = new PairCounter(labels);
        this.cardinalities = new long[labels + 1];
        index();
        this.partition = refined();
    }

    private static int[] every(int labels) {
        int[] every = new int[labels];
        Arrays.setAll(every, l -> l);
        return every;
    }

    /** Counts a row's labels (ascending, the first {@code count}); true if the partition changed. */
    public boolean add(int[] active, int count) {
        rows++;
        recent.add(active, count);
        cardinalities[count]++;
        for (int i = 0; i < count; i++) {
            LabelCluster c = leafOf[active[i]];
            if (c != null) {
                c.active[c.n++] = placeInLeaf[active[i]];
            }
        }
        for (LabelCluster c : leaves) {
            c.counts.add(c.active, c.n);
            c.n = 0;
        }
        boolean changed = !newcomers.isEmpty() && welcome(active, count);
        changed |= rows % config.nMin == 0 && look();
        if (recent.rows() >= PERIOD * config.nMin) {
            PairCounter oldest = before;
            before = recent;
            recent = oldest;
            recent.clear();
        }
        return changed;
    }

    /**
     * Counts the row for labels that are new, and lets those join a cluster whose {@code nMin} rows are full. What is known
     * of all pairs is from then on what these rows say.
     */
    private boolean welcome(int[] active, int count) {
        joins = new ArrayList<>();
        newcomers.forEach(n -> n.add(active, count));
        while (!newcomers.isEmpty() && newcomers.get(0).counts.rows() >= config.nMin) {
            Newcomers n = newcomers.remove(0);
            joins.addAll(n.join(leaves, rows));
            recent = n.counts.project(every(labels));
            before.clear();
        }
        if (joins.isEmpty()) {
            return false;
        }
        index();
        partition = refined();
        return true;
    }

    private boolean look() {
        List<Event> happened = new ArrayList<>();
        if (config.merge != MergeRule.ODAC) {
            mergeUnseparated(root, happened);
        }
        for (LabelCluster c : List.copyOf(leaves)) {
            if (c.labels.length < 2 || !c.leaf() || !attached(c)) {
                continue;
            }
            LabelCluster.Spread s = c.spread();
            double eps = eps(c);
            if (c.parent != null && config.merge != MergeRule.SEPARATION && merge(c, s, eps, happened)) {
                continue;
            }
            boolean far = s.d1() - s.d2() > eps || config.tau > eps;
            if (far && (s.d1() - s.d0()) * Math.abs(s.d1() + s.d0() - 2 * s.mean()) > eps) {
                split(c, s, eps, happened);
            }
        }
        events = happened;
        if (!happened.isEmpty()) {
            index();
        }
        int[][] now = refined();
        boolean changed = !Arrays.deepEquals(now, partition);
        partition = now;
        return changed;
    }

    /** From the root down, so that a change of everything is met at once. */
    private void mergeUnseparated(LabelCluster c, List<Event> happened) {
        if (c.leaf()) {
            return;
        }
        double now = separation(c, c.left.labels, this::recentDissimilarity);
        double eps = HoeffdingBound.of(1, config.delta, recent.rows() + before.rows());
        double lost = c.separationAtSplit - now;
        if (lost > eps && 2 * lost > c.separationAtSplit) {
            dissolve(c);
            happened.add(new Event(
                    rows, false, c.labels, NONE, NONE, NONE, Double.NaN, Double.NaN, c.d1AtSplit, Double.NaN, eps));
            return;
        }
        mergeUnseparated(c.left, happened);
        mergeUnseparated(c.right, happened);
    }

    private static void dissolve(LabelCluster c) {
        c.left = null;
        c.right = null;
        c.counts.clear();
    }

    /** Mean d across the two sides less mean d within a side; NaN if no side has two labels. */
    private static double separation(LabelCluster c, int[] left, UsableGroups.Dissimilarity d) {
        boolean[] first = new boolean[c.labels.length];
        for (int k = 0; k < first.length; k++) {
            first[k] = Arrays.binarySearch(left, c.labels[k]) >= 0;
        }
        double within = 0;
        double between = 0;
        int inside = 0;
        int across = 0;
        for (int i = 0; i < first.length; i++) {
            for (int j = i + 1; j < first.length; j++) {
                double x = d.of(c.labels[i], c.labels[j]);
                if (first[i] == first[j]) {
                    within += x;
                    inside++;
                } else {
                    between += x;
                    across++;
                }
            }
        }
        return between / across - within / inside;
    }

    /** Jaccard dissimilarity of two labels over the newest rows. */
    public double recentDissimilarity(int i, int j) {
        long both = recent.together(i, j) + before.together(i, j);
        long either = recent.count(i) + before.count(i) + recent.count(j) + before.count(j) - both;
        return either == 0 ? 1 : 1 - (double) both / either;
    }

    /** False if an ancestor was dissolved in this round. */
    private boolean attached(LabelCluster c) {
        LabelCluster at = c;
        while (at.parent != null) {
            if (at.parent.left != at && at.parent.right != at) {
                return false;
            }
            at = at.parent;
        }
        return at == root;
    }

    private double eps(LabelCluster c) {
        return HoeffdingBound.of(1, config.delta, c.counts.rows());
    }

    private boolean merge(LabelCluster c, LabelCluster.Spread s, double eps, List<Event> happened) {
        LabelCluster p = c.parent;
        if (!(s.d1() - p.d1AtSplit > Math.max(p.epsAtSplit, eps))) {
            return false;
        }
        dissolve(p);
        happened.add(new Event(rows, false, p.labels, NONE, NONE, NONE, s.d0(), s.d1(), p.d1AtSplit, s.mean(), eps));
        return true;
    }

    private void split(LabelCluster c, LabelCluster.Spread s, double eps, List<Event> happened) {
        int[] left = new int[c.labels.length];
        int[] right = new int[c.labels.length];
        int l = 0;
        int r = 0;
        for (int k = 0; k < c.labels.length; k++) {
            boolean first = k == s.first() || (k != s.second() && c.d(k, s.first()) < c.d(k, s.second()));
            if (first) {
                left[l++] = c.labels[k];
            } else {
                right[r++] = c.labels[k];
            }
        }
        c.left = new LabelCluster(Arrays.copyOf(left, l), c);
        c.right = new LabelCluster(Arrays.copyOf(right, r), c);
        c.d1AtSplit = s.d1();
        c.epsAtSplit = eps;
        c.separationAtSplit = separation(
                c, c.left.labels, (i, j) -> c.d(Arrays.binarySearch(c.labels, i), Arrays.binarySearch(c.labels, j)));
        c.counts.clear();
        int[] pivots = {c.labels[s.first()], c.labels[s.second()]};
        happened.add(new Event(
                rows, true, c.labels, pivots, c.left.labels, c.right.labels, s.d0(), s.d1(), s.d2(), s.mean(), eps));
    }

    private void index() {
        leaves = new ArrayList<>();
        collect(root, leaves);
        leafOf = new LabelCluster[labels];
        placeInLeaf = new int[labels];
        for (LabelCluster c : leaves) {
            for (int k = 0; k < c.labels.length; k++) {
                int label = c.labels[k];
                leafOf[label] = c;
                placeInLeaf[label] = k;
            }
        }
    }

    private static void collect(LabelCluster c, List<LabelCluster> into) {
        if (c.leaf()) {
            into.add(c);
        } else {
            collect(c.left, into);
            collect(c.right, into);
        }
    }

    /** The leaves, where asked for with undersized ones joined to others. */
    private int[][] refined() {
        int least = config.refine ? usualCardinality() : 0;
        return UsableGroups.of(leaves, least, config.maxSize, this::recentDissimilarity);
    }

    private int usualCardinality() {
        int best = 0;
        for (int k = 1; k < cardinalities.length; k++) {
            if (cardinalities[k] > cardinalities[best]) {
                best = k;
            }
        }
        return best;
    }

    /** The groups, in the order of the tree's leaves, then each new label for itself; labels ascend. */
    public int[][] partition() {
        List<int[]> all = new ArrayList<>();
        for (int[] g : partition) {
            all.add(g.clone());
        }
        for (Newcomers s : newcomers) {
            for (int label = s.first; label < s.end; label++) {
                all.add(new int[] {label});
            }
        }
        return all.toArray(int[][]::new);
    }

    /** The leaves of the tree, before any joining. */
    public int[][] leaves() {
        return leaves.stream().map(c -> c.labels.clone()).toArray(int[][]::new);
    }

    /** What happened at the last look. */
    public List<Event> events() {
        return events;
    }

    /** New labels that joined a cluster at the last row. */
    List<Newcomers.Join> joins() {
        return joins;
    }

    /** Rows counted. */
    public long rows() {
        return rows;
    }

    /** Forgets what was counted, so that the groups are judged by rows from now on; the groups stay for now. */
    public void reset() {
        recent.clear();
        before.clear();
        Arrays.fill(cardinalities, 0);
        for (LabelCluster c : leaves) {
            c.counts.clear();
        }
    }

    /** The same for the leaves that hold any of these labels. */
    public void reset(int[] some) {
        for (int label : some) {
            if (leafOf[label] != null) {
                leafOf[label].counts.clear();
            }
        }
    }

    public void save(NumberWriter w) {
        w.add(rows).add(recent.save()).add(before.save()).add(cardinalities);
        root.save(w);
        w.add(partition.length);
        for (int[] g : partition) {
            w.add(g);
        }
        w.add(newcomers.size());
        for (Newcomers s : newcomers) {
            s.save(w);
        }
    }

    /**
     * Takes over what {@link #save} wrote when there were {@code known} labels; those from there on are new. One that refuses
     * is not to be used afterwards.
     */
    public void restore(NumberReader r, int known) {
        rows = r.whole(0, 1L << 53);
        recent = pairs(r, known);
        before = pairs(r, known);
        long[] c = r.longs();
        if (c.length != known + 1) {
            throw r.damaged("there are " + c.length + " counts of cardinalities for " + known + " labels");
        }
        cardinalities = Arrays.copyOf(c, labels + 1);
        root = LabelCluster.restore(r, labels, null);
        index();
        partition = new int[r.integer(1, known)][];
        for (int g = 0; g < partition.length; g++) {
            partition[g] = r.labels(known);
        }
        newcomers = new ArrayList<>();
        for (int n = r.integer(0, known); n > 0; n--) {
            newcomers.add(Newcomers.restore(r, known));
        }
        if (known < labels) {
            newcomers.add(new Newcomers(known, labels));
        }
        int settled = newcomers.isEmpty() ? labels : newcomers.get(0).first;
        for (int l = 0; l < settled; l++) {
            if (leafOf[l] == null) {
                throw r.damaged("label " + l + " is in no cluster");
            }
        }
        events = List.of();
        joins = List.of();
    }

    private PairCounter pairs(NumberReader r, int known) {
        PairCounter c = new PairCounter(known);
        c.restore(r.longs());
        return known == labels ? c : c.project(every(labels));
    }
}
