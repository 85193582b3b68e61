package dev.holdfast.metricspace;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Prediction in a metric space of labels: of all N labels, seen in training or not, the one with the smallest expected
 * squared distance under a classifier's probabilities of the K labels that it knows; of equally good ones the lowest. Where
 * all distances are equal it is the most probable label.
 *
 * <p>Roberts et al., <i>Geometry-Aware Adaptation for Pretrained Models</i>, arXiv 2307.12226, eq. 1. Immutable; safe from any
 * thread.
 *
 * @param metric over all labels
 * @param observed the labels that the classifier knows, in the order of its columns
 */
public record Loki(LabelMetric metric, int[] observed) {
    private static final double TIE = 1e-10;
    private static final double SUM = 1e-4;
    /** Numbers of squared distances that are held at once. */
    private static final long BLOCK = 1L << 22;

    public Loki {
        observed = metric.requireObserved(observed);
    }

    /**
     * Expected squared distances float64 [B, N] to every label.
     *
     * @param probabilities [B, K]; rows sum to 1 within 1e-4, and are brought to it
     */
    public Tensor cost(Tensor probabilities) {
        Tensor p = checked(probabilities);
        if (metric instanceof TreeMetric tree) {
            return treeCost(tree, p);
        }
        if (metric instanceof EmbeddingMetric e) {
            return embeddingCost(e, p);
        }
        // K x N squared distances, a few observed labels at a time
        int step = (int) Math.max(1, BLOCK / metric.size());
        Tensor sum = Tensors.zeros(ScalarType.Double, p.size(0), metric.size());
        for (int from = 0; from < observed.length; from += step) {
            int to = Math.min(observed.length, from + step);
            try (Scope s = Scope.open()) {
                Tensor d2 = metric.squared(Arrays.copyOfRange(observed, from, to));
                sum.add_(Tensors.slice(p, 1, from, to).matmul(d2));
            }
        }
        return sum;
    }

    /** Labels [B] with the smallest cost; the lowest of equals. */
    public int[] predict(Tensor probabilities) {
        Tensor p = checked(probabilities);
        int rows = (int) Math.max(1, BLOCK / metric.size());
        int[] said = new int[(int) p.size(0)];
        for (int from = 0; from < said.length; from += rows) {
            int to = Math.min(said.length, from + rows);
            try (Scope s = Scope.open()) {
                int[] part = lowest(cost(Tensors.slice(p, from, to)));
                System.arraycopy(part, 0, said, from, part.length);
            }
        }
        return said;
    }

    /** Column of the smallest entry of every row, the lowest of those equal up to rounding. */
    static int[] lowest(Tensor cost) {
        long n = cost.size(1);
        Tensor least = cost.amin(new long[] {1}, true);
        Tensor tied = cost.le(least.mul(Tensors.scalar(1 + TIE)).add(Tensors.scalar(1e-12)));
        Tensor index = Tensors.of(IntStream.range(0, (int) n).asLongStream().toArray(), 1, n)
                .expand_as(cost)
                .masked_fill(tied.logical_not(), Tensors.scalar(n));
        return Tensors.ints(index.amin(new long[] {1}, false));
    }

    /**
     * A prediction over all labels from one over the observed ones: its scores are negative expected squared distances.
     *
     * @param raw probabilities, or logits, whose columns are the observed labels in order
     * @param labels names of all labels, ids 0..N-1
     * @param temperature logits are divided by it first; probabilities are raised to its inverse
     */
    public Prediction apply(Prediction raw, ClassIndex labels, double temperature) {
        if (labels.size() != metric.size()) {
            throw new IllegalArgumentException(
                    "There are names for " + labels.size() + " labels but distances between " + metric.size() + ".");
        }
        for (int i = 0; i < Math.min(observed.length, raw.columns().size()); i++) {
            if (raw.columns().columns().get(i).classId() != observed[i]) {
                throw new IllegalArgumentException("Column " + i + " of the prediction is class "
                        + raw.columns().columns().get(i).classId() + " but observed label " + i + " is " + observed[i]
                        + ".\nMaybe make the rule with the labels in the order of the classifier's columns.");
            }
        }
        Tensor p = probabilities(raw, temperature);
        return new Prediction(cost(p).neg(), labels, Prediction.Kind.SCORES);
    }

    /**
     * Softmax of logits over a temperature; probabilities count as their logarithms, label scores of 0 or more by their
     * share. As the temperature falls the most probable label is all there is.
     */
    public static Tensor probabilities(Prediction raw, double temperature) {
        if (!(temperature > 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("The temperature must be finite and > 0 but is " + temperature + ".");
        }
        Tensor s = raw.scores().detach().to(ScalarType.Double);
        Tensor logits =
                switch (raw.kind()) {
                    case LOGITS -> s;
                    case PROBABILITIES -> s.clamp_min(Tensors.scalar(1e-300)).log();
                    case SIGMOID_LOGITS -> s.sigmoid().log();
                    case SCORES, VALUES ->
                        throw new IllegalArgumentException("Expected distances are taken under probabilities, but the"
                                + " prediction holds " + raw.kind() + ".\nMaybe calibrate it first.");
                };
        return logits.div(Tensors.scalar(temperature)).softmax(1);
    }

    /**
     * The temperature of a grid with the smallest mean squared distance on rows with known labels; of equals the first.
     *
     * @param truth label of every row, observed or not
     */
    public double tune(Prediction raw, int[] truth, double... grid) {
        if (grid.length == 0) {
            throw new IllegalArgumentException("A temperature is chosen from at least one but the grid is empty.");
        }
        double best = grid[0];
        double least = Double.POSITIVE_INFINITY;
        for (double t : grid) {
            try (Scope s = Scope.open()) {
                double d = DistanceScores.of(metric, predict(probabilities(raw, t)), truth, observed)
                        .meanSquared();
                if (d < least) {
                    least = d;
                    best = t;
                }
            }
        }
        return best;
    }

    private Tensor checked(Tensor probabilities) {
        Tensors.requireShape("probabilities of the observed labels", probabilities, -1, observed.length);
        Tensors.requireFinite("The probabilities", probabilities);
        Tensor p = probabilities.detach().to(ScalarType.Double);
        Tensor sums = p.sum(1);
        double[] sum = Tensors.doubles(sums);
        double[] low = Tensors.doubles(p.amin(new long[] {1}, false));
        for (int i = 0; i < sum.length; i++) {
            if (Math.abs(sum[i] - 1) > SUM || low[i] < 0) {
                throw new IllegalArgumentException("Row " + i + " of the probabilities sums to " + sum[i]
                        + (low[i] < 0 ? " and has negative entries" : "")
                        + "; expected 1.\nMaybe these are logits or scores: a softmax, or a division by their sum, comes"
                        + " first.");
            }
        }
        return p.div(sums.unsqueeze(1));
    }

    /** {@code sum_i P_i |e_i - e_y|^2 = 2 - 2 (sum_i P_i e_i) . e_y}: the label nearest to the mean embedding. */
    private Tensor embeddingCost(EmbeddingMetric e, Tensor p) {
        Tensor mean = p.matmul(Tensors.rows(e.unit(), observed));
        return mean.matmul(e.unit().t()).mul(Tensors.scalar(-2)).add(Tensors.scalar(2));
    }

    /**
     * All costs in O(nodes) a row: sums of weight, weight times distance and weight times squared distance of every subtree
     * go up, those of everything else come down, level by level. Moving along an edge of length l: {@code S2 + 2 l S1 + l^2
     * S0} and {@code S1 + l S0}.
     */
    private Tensor treeCost(TreeMetric tree, Tensor p) {
        Levels levels = Levels.of(tree);
        int nodes = tree.nodes();
        long b = p.size(0);
        int[] at = Arrays.stream(observed).map(tree::node).toArray();
        Tensor s0 = Tensors.zeros(ScalarType.Double, nodes, b).index_copy_(0, Tensors.ids(at), p.t().contiguous());
        Tensor s1 = Tensors.zeros(ScalarType.Double, nodes, b);
        Tensor s2 = Tensors.zeros(ScalarType.Double, nodes, b);
        for (int h = levels.size() - 1; h >= 0; h--) {
            try (Scope s = Scope.open()) {
                Level l = levels.at(h);
                Moved m = Moved.along(
                        s0.index_select(0, l.child),
                        s1.index_select(0, l.child),
                        s2.index_select(0, l.child),
                        l.length);
                s0.index_add_(0, l.parent, m.s0);
                s1.index_add_(0, l.parent, m.s1);
                s2.index_add_(0, l.parent, m.s2);
            }
        }
        // from here on s0, s1, s2 hold the sums over the whole tree, seen from each node
        for (int h = 0; h < levels.size(); h++) {
            try (Scope s = Scope.open()) {
                Level l = levels.at(h);
                Tensor c0 = s0.index_select(0, l.child);
                Tensor c1 = s1.index_select(0, l.child);
                Tensor c2 = s2.index_select(0, l.child);
                Moved own = Moved.along(c0, c1, c2, l.length);
                Moved rest = Moved.along(
                        s0.index_select(0, l.parent).sub(own.s0),
                        s1.index_select(0, l.parent).sub(own.s1),
                        s2.index_select(0, l.parent).sub(own.s2),
                        l.length);
                s0.index_copy_(0, l.child, c0.add(rest.s0));
                s1.index_copy_(0, l.child, c1.add(rest.s1));
                s2.index_copy_(0, l.child, c2.add(rest.s2));
            }
        }
        return s2.index_select(0, Tensors.ids(tree.nodesOfLabels())).t().contiguous();
    }

    /** The three sums, seen from the other end of an edge. */
    private record Moved(Tensor s0, Tensor s1, Tensor s2) {
        static Moved along(Tensor s0, Tensor s1, Tensor s2, Tensor l) {
            Tensor step = s0.mul(l);
            return new Moved(
                    s0, s1.add(step), s2.add(s1.mul(l).mul(Tensors.scalar(2))).add(step.mul(l)));
        }
    }

    /** Nodes of one depth, their parents, and the lengths between them [n, 1]. */
    private record Level(Tensor child, Tensor parent, Tensor length) {}

    /** All nodes but the root, by depth. */
    private record Levels(List<Level> levels) {
        static Levels of(TreeMetric tree) {
            int[] parents = tree.parents();
            int[] depth = new int[tree.nodes()];
            List<List<Integer>> byDepth = new ArrayList<>();
            for (int v : tree.order()) {
                if (parents[v] >= 0) {
                    depth[v] = depth[parents[v]] + 1;
                    while (byDepth.size() < depth[v]) {
                        byDepth.add(new ArrayList<>());
                    }
                    byDepth.get(depth[v] - 1).add(v);
                }
            }
            List<Level> levels = new ArrayList<>();
            for (List<Integer> nodes : byDepth) {
                int[] child = nodes.stream().mapToInt(v -> v).toArray();
                levels.add(new Level(
                        Tensors.ids(child),
                        Tensors.ids(Arrays.stream(child).map(v -> parents[v]).toArray()),
                        Tensors.of(
                                Arrays.stream(child)
                                        .mapToDouble(v -> tree.lengths()[v])
                                        .toArray(),
                                child.length,
                                1)));
            }
            return new Levels(levels);
        }

        int size() {
            return levels.size();
        }

        Level at(int h) {
            return levels.get(h);
        }
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Loki l && metric.equals(l.metric) && Arrays.equals(observed, l.observed);
    }

    @Override
    public int hashCode() {
        return 31 * metric.hashCode() + Arrays.hashCode(observed);
    }

    @Override
    public String toString() {
        return "Loki over " + metric.size() + " labels, " + observed.length + " observed";
    }
}
