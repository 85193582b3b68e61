package dev.holdfast.metricspace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.hipparchus.optim.linear.LinearConstraint;
import org.hipparchus.optim.linear.LinearConstraintSet;
import org.hipparchus.optim.linear.LinearObjectiveFunction;
import org.hipparchus.optim.linear.NonNegativeConstraint;
import org.hipparchus.optim.linear.Relationship;
import org.hipparchus.optim.linear.SimplexSolver;
import org.hipparchus.optim.nonlinear.scalar.GoalType;

/**
 * Which labels the rule of {@link Loki} can ever answer: those that some probabilities over the observed labels make a best
 * answer, ties included. Pure functions; safe from any thread.
 *
 * <p>Roberts et al., <i>Geometry-Aware Adaptation for Pretrained Models</i>, arXiv 2307.12226, section 4.
 */
public final class Locus {
    private static final double TOLERANCE = 1e-9;

    private Locus() {}

    /** The locus, ascending: by paths where every node of a tree is a label, else by linear programs. */
    public static int[] of(LabelMetric metric, int... observed) {
        return metric instanceof TreeMetric t && t.complete() ? ofTree(t, observed) : exact(metric, observed);
    }

    /** On a tree whose nodes are all labels: everything on paths between observed labels. O(nodes). */
    public static int[] ofTree(TreeMetric tree, int... observed) {
        if (!tree.complete()) {
            throw new IllegalArgumentException("Only " + tree.size() + " of the tree's " + tree.nodes()
                    + " nodes are labels, so paths do not tell the locus.\nMaybe Locus.exact is meant.");
        }
        tree.requireObserved(observed);
        int[] parent = tree.parents();
        int[] order = tree.order();
        int[] below = new int[parent.length];
        for (int o : observed) {
            below[o]++;
        }
        for (int i = order.length - 1; i > 0; i--) {
            below[parent[order[i]]] += below[order[i]];
        }
        // a node is between observed labels where they lie in at least two of the parts that it separates, or on it
        BitSet on = new BitSet();
        int[] inChild = new int[parent.length];
        for (int i = order.length - 1; i > 0; i--) {
            int v = order[i];
            inChild[parent[v]] = Math.max(inChild[parent[v]], below[v]);
        }
        for (int o : observed) {
            on.set(o);
        }
        for (int v = 0; v < parent.length; v++) {
            int above = observed.length - below[v];
            if (below[v] > 0 && above > 0 || inChild[v] > 0 && inChild[v] < below[v]) {
                on.set(v);
            }
        }
        return on.stream().toArray();
    }

    /**
     * Labels that two observed ones can make a best answer: an interval of weights for every pair, exact. A lower bound of the
     * locus, and the whole of it on trees. O(K^2 N^2).
     */
    public static int[] pairwise(LabelMetric metric, int... observed) {
        double[][] d2 = squared(metric, metric.requireObserved(observed));
        int n = metric.size();
        BitSet on = new BitSet(n);
        for (int i = 0; i < observed.length; i++) {
            on.set(observed[i]);
            for (int j = i + 1; j < observed.length; j++) {
                for (int y = 0; y < n; y++) {
                    if (!on.get(y) && between(d2[i], d2[j], y)) {
                        on.set(y);
                    }
                }
            }
        }
        return on.stream().toArray();
    }

    /** Whether some w in [0, 1] makes w a_y + (1 - w) b_y the least over all labels. */
    private static boolean between(double[] a, double[] b, int y) {
        double low = 0;
        double high = 1;
        for (int z = 0; z < a.length; z++) {
            double slope = a[y] - b[y] - a[z] + b[z];
            double room = b[z] - b[y];
            if (Math.abs(slope) < 1e-14) {
                if (room < -TOLERANCE) {
                    return false;
                }
            } else if (slope > 0) {
                high = Math.min(high, room / slope);
            } else {
                low = Math.max(low, room / slope);
            }
            if (low > high + TOLERANCE) {
                return false;
            }
        }
        return true;
    }

    /**
     * Exact for any metric: for every label that no pair reaches, a linear program over the probabilities asks by how little
     * it can miss being a best answer.
     */
    public static int[] exact(LabelMetric metric, int... observed) {
        int[] sure = pairwise(metric, observed);
        if (sure.length == metric.size() || observed.length < 3) {
            return sure;
        }
        double[][] d2 = squared(metric, observed);
        BitSet on = new BitSet();
        Arrays.stream(sure).forEach(on::set);
        for (int y = 0; y < metric.size(); y++) {
            if (!on.get(y) && misses(d2, y) <= TOLERANCE * scale(d2)) {
                on.set(y);
            }
        }
        return on.stream().toArray();
    }

    private static double scale(double[][] d2) {
        return 1 + Arrays.stream(d2).flatMapToDouble(Arrays::stream).max().orElse(0);
    }

    /** The least t with weights w >= 0, sum 1, such that no label is better than y by more than t. */
    private static double misses(double[][] d2, int y) {
        int k = d2.length;
        int n = d2[0].length;
        List<LinearConstraint> constraints = new ArrayList<>();
        double[] ones = new double[k + 1];
        Arrays.fill(ones, 0, k, 1);
        constraints.add(new LinearConstraint(ones, Relationship.EQ, 1));
        for (int z = 0; z < n; z++) {
            if (z != y) {
                double[] c = new double[k + 1];
                for (int i = 0; i < k; i++) {
                    c[i] = d2[i][y] - d2[i][z];
                }
                c[k] = -1;
                constraints.add(new LinearConstraint(c, Relationship.LEQ, 0));
            }
        }
        double[] t = new double[k + 1];
        t[k] = 1;
        return new SimplexSolver()
                .optimize(
                        new LinearObjectiveFunction(t, 0),
                        new LinearConstraintSet(constraints),
                        GoalType.MINIMIZE,
                        new NonNegativeConstraint(true))
                .getValue();
    }

    private static double[][] squared(LabelMetric metric, int... observed) {
        double[][] d2 = new double[observed.length][];
        for (int i = 0; i < observed.length; i++) {
            d2[i] = Arrays.stream(metric.row(observed[i])).map(d -> d * d).toArray();
        }
        return d2;
    }

    /** Whether every label can be answered. */
    public static boolean isCover(LabelMetric metric, int... observed) {
        return of(metric, observed).length == metric.size();
    }

    /** The fewest labels of a tree that make every label answerable: its leaves. */
    public static int[] minimalCover(TreeMetric tree) {
        if (!tree.complete()) {
            throw new IllegalArgumentException("Only " + tree.size() + " of the tree's " + tree.nodes()
                    + " nodes are labels.\nMaybe Locus.greedyCover is meant.");
        }
        return tree.leaves();
    }

    /** Two opposite corners of a grid, which make every label answerable. */
    public static int[] minimalCoverOfGrid(int height, int width) {
        int n = GraphMetric.grid(height, width).size();
        return n == 1 ? new int[] {0} : new int[] {0, n - 1};
    }

    /** All labels: where all distances are equal only observed labels are answered. */
    public static int[] minimalCoverOfEqual(int labels) {
        return IntStream.range(0, labels).toArray();
    }

    /**
     * A cover of any metric, not always the smallest: from the two labels that are farthest apart (as seen from label 0), on
     * by the label farthest from the locus.
     */
    public static int[] greedyCover(LabelMetric metric) {
        double[] from = metric.row(0);
        int first = farthest(from);
        int second = farthest(metric.row(first));
        List<Integer> chosen = new ArrayList<>(first == second ? List.of(first) : List.of(first, second));
        NextClass next = new NextClass(metric, NextClass.Rule.FARTHEST);
        while (true) {
            int[] observed = chosen.stream().mapToInt(v -> v).toArray();
            var one = next.next(observed);
            if (one.isEmpty()) {
                return Arrays.stream(observed).sorted().toArray();
            }
            chosen.add(one.getAsInt());
        }
    }

    /** The largest entry, the first of equals. */
    static int farthest(double[] d) {
        int best = 0;
        for (int i = 1; i < d.length; i++) {
            if (d[i] > d[best] + TOLERANCE) {
                best = i;
            }
        }
        return best;
    }
}
