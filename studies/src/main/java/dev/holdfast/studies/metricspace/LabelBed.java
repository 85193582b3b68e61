package dev.holdfast.studies.metricspace;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.metricspace.LabelMetric;
import dev.holdfast.metricspace.TreeMetric;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import dev.holdfast.tensor.linalg.Ridge;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Rows of every label, and two classifiers of those that are observed.
 *
 * @param train rows [n, d]
 * @param trainLabel label of each
 * @param test rows of all labels
 * @param testLabel label of each
 */
record LabelBed(LabelMetric metric, Tensor train, int[] trainLabel, Tensor test, int[] testLabel) {
    /** Neighbours that vote. */
    private static final int NEIGHBOURS = 5;

    /** Which classifier tells the probabilities of the observed labels. */
    enum Classifier {
        LOGISTIC("logistic"),
        NEIGHBOURS("5 neighbours");

        final String words;

        Classifier(String words) {
            this.words = words;
        }
    }

    /** A tree in which every vertex is attached to an earlier one at random. */
    static TreeMetric randomTree(int nodes, Rng rng) {
        int[][] edges = new int[nodes - 1][];
        for (int v = 1; v < nodes; v++) {
            edges[v - 1] = new int[] {v, rng.below(v)};
        }
        return TreeMetric.of(nodes, edges);
    }

    /** Vertices of a random tree; the mean of each is its parent's plus noise of variance 1, rows have {@code noise} more. */
    static LabelBed tree(int nodes, int width, double noise, int perLabel, int testPerLabel, Rng rng) {
        int[] parent = new int[nodes];
        int[][] edges = new int[nodes - 1][];
        Rng shape = rng.child("shape");
        for (int v = 1; v < nodes; v++) {
            parent[v] = shape.below(v);
            edges[v - 1] = new int[] {v, parent[v]};
        }
        double[][] mean = Tensors.rows(rng.child("means").normal(ScalarType.Double, nodes, width));
        for (int v = 1; v < nodes; v++) {
            for (int i = 0; i < width; i++) {
                mean[v][i] += mean[parent[v]][i];
            }
        }
        Tensor means = Tensors.of(mean);
        return new LabelBed(
                TreeMetric.of(nodes, edges),
                rows(means, perLabel, noise, rng.child("train")),
                repeated(nodes, perLabel),
                rows(means, testPerLabel, noise, rng.child("test")),
                repeated(nodes, testPerLabel));
    }

    private static Tensor rows(Tensor means, int each, double noise, Rng rng) {
        int n = (int) means.size(0);
        Tensor x = Tensors.rows(means, repeated(n, each));
        return x.add(rng.normal(ScalarType.Double, x.shape()).mul(Tensors.scalar(noise)));
    }

    private static int[] repeated(int labels, int each) {
        return IntStream.range(0, labels * each).map(i -> i / each).toArray();
    }

    /** Clothes and digits as pixels, twenty classes at the leaves of the tree that comes with Holdfast. */
    static LabelBed images(DataPair fashion, DataPair digits, int perLabel, int testPerLabel) {
        Taxonomy tree = LabelTrees.shipped("fashion-mnist-digits");
        List<Tensor> train = new ArrayList<>();
        List<Tensor> test = new ArrayList<>();
        List<Integer> nodes = new ArrayList<>();
        for (DataPair d : List.of(fashion, digits)) {
            for (var column : d.train().schema().classes().columns()) {
                nodes.add(tree.idOf(column.name()));
                train.add(of(d.train(), column.classId(), perLabel));
                test.add(of(d.test(), column.classId(), testPerLabel));
            }
        }
        return new LabelBed(
                TreeMetric.of(tree).restrictedTo(nodes.stream().mapToInt(v -> v).toArray()),
                Tensors.cat(0, train.toArray(Tensor[]::new)),
                repeated(nodes.size(), perLabel),
                Tensors.cat(0, test.toArray(Tensor[]::new)),
                repeated(nodes.size(), testPerLabel));
    }

    private static Tensor of(Dataset d, int classId, int rows) {
        long[] ids = d.classIds();
        int[] at = IntStream.range(0, ids.length)
                .filter(i -> ids[i] == classId)
                .limit(rows)
                .toArray();
        return d.rows(at).inputs().x().reshape(at.length, -1).to(ScalarType.Double);
    }

    /** Probabilities [rows, K] of the observed labels for test rows, from training rows of these labels only. */
    Tensor probabilities(Classifier by, int steps, int... observed) {
        int[] column = new int[metric.size()];
        Arrays.fill(column, -1);
        for (int i = 0; i < observed.length; i++) {
            column[observed[i]] = i;
        }
        int[] at = IntStream.range(0, trainLabel.length)
                .filter(i -> column[trainLabel[i]] >= 0)
                .toArray();
        Tensor x = Tensors.rows(train, at);
        int[] y = Arrays.stream(at).map(i -> column[trainLabel[i]]).toArray();
        Tensor target = Tensors.oneHot(y, observed.length, x);
        return by == Classifier.NEIGHBOURS ? vote(x, target) : logistic(x, target, steps);
    }

    private Tensor vote(Tensor x, Tensor target) {
        Tensor off = test.matmul(x.t()).mul(Tensors.scalar(2)).sub(x.mul(x).sum(1));
        int k = (int) Math.min(NEIGHBOURS, x.size(0));
        T_TensorTensor_T nearest = off.topk(k, 1, true, true);
        Tensor votes = target.index_select(0, nearest.get1().reshape(-1));
        return votes.reshape(-1, k, target.size(1)).mean(1);
    }

    /** One against the rest, each by itself; the sigmoids are divided by their sum. */
    private Tensor logistic(Tensor x, Tensor target, int steps) {
        Tensor mean = x.mean(0);
        Tensor scale = x.std(0).add(Tensors.scalar(1e-3));
        Tensor z = x.sub(mean).div(scale);
        Tensor w = leaf(Tensors.zeros(ScalarType.Double, x.size(1), target.size(1)));
        Tensor b = leaf(Tensors.zeros(ScalarType.Double, target.size(1)));
        Parameters p = new Parameters(
                List.of(
                        new ParamMeta("w", Role.HEAD, x.size(1), target.size(1), true, 0),
                        new ParamMeta("b", Role.BIAS, 1, target.size(1), false, 0)),
                List.of(w, b));
        Optimizer move = OptimizerConfig.adam(0.05).withWeightDecay(1e-3).build(p);
        for (int i = 0; i < steps; i++) {
            try (Scope s = Scope.open()) {
                Tensor logits = z.matmul(w).add(b);
                // softplus(l) - t l, without overflow
                Tensor loss = logits.relu()
                        .add(logits.abs().neg().exp().log1p())
                        .sub(logits.mul(target))
                        .mean();
                move.step(Autograd.grad(loss, p, false));
            }
        }
        Tensor q = test.sub(mean).div(scale).matmul(w.detach()).add(b.detach()).sigmoid();
        return q.div(q.sum(1).unsqueeze(1));
    }

    /**
     * Labels by regression: training rows of observed labels are mapped to coordinates of their labels (classical scaling of
     * the distances, ten dimensions, ridge), and the label with the nearest coordinates is answered.
     */
    int[] byCoordinates(int... observed) {
        int n = metric.size();
        int[] all = IntStream.range(0, n).toArray();
        Tensor d2 = metric.squared(all);
        Tensor rowMean = d2.mean(1);
        Tensor centred = d2.sub(rowMean.unsqueeze(1)).sub(rowMean.unsqueeze(0)).add(d2.mean());
        LinearAlgebra.Eigen e = LinearAlgebra.eigh(centred.div(Tensors.scalar(-2)));
        int dims = Math.min(10, n - 1);
        Tensor roots = Tensors.slice(e.values(), n - dims, n)
                .clamp_min(Tensors.scalar(0))
                .sqrt();
        Tensor places = Tensors.slice(e.vectors(), 1, n - dims, n).mul(roots);
        boolean[] seen = new boolean[n];
        for (int o : observed) {
            seen[o] = true;
        }
        int[] at = IntStream.range(0, trainLabel.length)
                .filter(i -> seen[trainLabel[i]])
                .toArray();
        Tensor x = Tensors.rows(train, at);
        Tensor mean = x.mean(0);
        Tensor scale = x.std(0).add(Tensors.scalar(1e-3));
        Tensor y =
                Tensors.rows(places, Arrays.stream(at).map(i -> trainLabel[i]).toArray());
        Tensor centre = y.mean(0);
        Tensor w = Ridge.fit(x.sub(mean).div(scale), y.sub(centre), at.length * 0.01);
        Tensor said = test.sub(mean).div(scale).matmul(w).add(centre);
        Tensor off = said.matmul(places.t())
                .mul(Tensors.scalar(2))
                .sub(places.mul(places).sum(1));
        return Tensors.ints(off.argmax(new LongOptional(1), false));
    }

    /** The most probable label where it has at least half of the probability, else what the two most probable have in common. */
    static int[] commonAncestor(TreeMetric tree, Tensor p, int... observed) {
        T_TensorTensor_T two = p.topk(Math.min(2, p.size(1)), 1, true, true);
        double[][] share = Tensors.rows(two.get0());
        double[][] column = Tensors.rows(two.get1().to(ScalarType.Double));
        int[] said = new int[share.length];
        for (int i = 0; i < said.length; i++) {
            int first = observed[(int) column[i][0]];
            said[i] = share[i][0] >= 0.5 || share[i].length < 2
                    ? first
                    : meeting(tree, first, observed[(int) column[i][1]]);
        }
        return said;
    }

    /** Where the ways of two vertices to the root, vertex 0, meet: the vertex on the way between them that is nearest to it. */
    private static int meeting(TreeMetric tree, int a, int b) {
        double[] fromA = tree.row(a);
        double[] fromB = tree.row(b);
        double[] fromRoot = tree.row(0);
        int best = a;
        for (int v = 0; v < tree.size(); v++) {
            boolean between = fromA[v] + fromB[v] <= fromA[b] + 1e-9;
            best = between && fromRoot[v] < fromRoot[best] ? v : best;
        }
        return best;
    }

    private static Tensor leaf(Tensor t) {
        t.set_requires_grad(true);
        return t;
    }

    /** Labels that arg-max answers. */
    static int[] mostProbable(Tensor p, int... observed) {
        return Arrays.stream(Tensors.ints(p.argmax(new LongOptional(1), false)))
                .map(i -> observed[i])
                .toArray();
    }
}
