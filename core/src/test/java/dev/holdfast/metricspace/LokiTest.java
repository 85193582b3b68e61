package dev.holdfast.metricspace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.select.QueryRule;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LokiTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static TreeMetric tree(int nodes, long seed, boolean weighted) {
        Rng rng = Rng.of(seed).child("tree");
        int[][] edges = new int[nodes - 1][];
        double[] lengths = new double[nodes - 1];
        for (int v = 1; v < nodes; v++) {
            edges[v - 1] = new int[] {v, rng.below(v)};
            lengths[v - 1] = weighted ? 0.2 + rng.next() : 1;
        }
        return TreeMetric.of(nodes, edges, lengths);
    }

    private static MatrixMetric matrix(LabelMetric m) {
        return new MatrixMetric(IntStream.range(0, m.size()).mapToObj(m::row).toArray(double[][]::new));
    }

    private static Tensor probabilities(long seed, int rows, int k) {
        return Rng.of(seed)
                .child("p")
                .normal(ScalarType.Double, rows, k)
                .mul(Tensors.scalar(2))
                .softmax(1);
    }

    private static int[] drawn(long seed, int n, int k) {
        return Arrays.copyOf(Rng.of(seed).child("observed").permutation(n), k);
    }

    @Test
    void theTreeRuleIsTheMatrixRule() {
        for (long seed = 1; seed <= 5; seed++) {
            TreeMetric t = tree(40, seed, true);
            int[] observed = drawn(seed, 40, 9);
            Tensor p = probabilities(seed, 25, 9);
            Loki fast = new Loki(t, observed);
            Loki slow = new Loki(matrix(t), observed);
            double[] a = Tensors.doubles(fast.cost(p));
            double[] b = Tensors.doubles(slow.cost(p));
            for (int i = 0; i < a.length; i++) {
                assertThat(a[i]).isCloseTo(b[i], within(1e-12 * (1 + b[i])));
            }
            assertThat(fast.predict(p)).isEqualTo(slow.predict(p));
            int[] leaves = t.leaves();
            int[] some =
                    IntStream.range(0, leaves.length).filter(i -> i % 2 == 0).toArray();
            TreeMetric only = t.restrictedTo(leaves);
            Tensor q = probabilities(seed, 5, some.length);
            assertThat(new Loki(only, some).predict(q)).isEqualTo(new Loki(matrix(only), some).predict(q));
        }
    }

    @Test
    void theAnswerIsTheBestThereIsAndLiesInTheLocus() {
        for (long seed = 1; seed <= 5; seed++) {
            LabelMetric m = seed % 2 == 0 ? tree(30, seed, false) : GraphMetric.grid(5, 6);
            int[] observed = drawn(seed, 30, 4);
            Tensor p = probabilities(seed, 50, 4);
            Loki loki = new Loki(m, observed);
            int[] said = loki.predict(p);
            double[][] cost = Tensors.rows(loki.cost(p));
            int[] locus = Locus.of(m, observed);
            for (int i = 0; i < said.length; i++) {
                double least = Arrays.stream(cost[i]).min().orElseThrow();
                assertThat(cost[i][said[i]]).isCloseTo(least, within(1e-9));
                assertThat(locus).contains(said[i]);
            }
        }
    }

    @Test
    void certaintyAndEqualDistancesGiveTheMostProbableLabel() {
        TreeMetric t = tree(20, 3, false);
        int[] observed = {4, 9, 17};
        assertThat(new Loki(t, observed).predict(Tensors.oneHot(new int[] {2, 0, 1}, 3, probabilities(1, 1, 1))))
                .containsExactly(17, 4, 9);
        Tensor p = probabilities(5, 40, 6);
        int[] all = IntStream.range(0, 6).toArray();
        assertThat(new Loki(MatrixMetric.zeroOne(6), all).predict(p))
                .isEqualTo(Tensors.ints(p.argmax(new LongOptional(1), false)));
        assertThat(new Loki(t, new int[] {7}).predict(probabilities(2, 3, 1))).containsOnly(7);
    }

    @Test
    void ownMetricsAnswerTheClassNearestToTheMeanEmbedding() {
        Tensor e = Rng.of(4).normal(ScalarType.Double, 12, 5);
        int[] observed = {1, 5, 7, 11};
        Tensor p = probabilities(4, 30, 4);
        try (EmbeddingMetric own = new EmbeddingMetric(e)) {
            int[] nearest = Tensors.ints(p.matmul(Tensors.rows(own.unit(), observed))
                    .matmul(own.unit().t())
                    .argmax(new LongOptional(1), false));
            assertThat(new Loki(own, observed).predict(p)).isEqualTo(nearest);
            assertThat(new Loki(matrix(own), observed).predict(p)).isEqualTo(nearest);
            assertThat(own.distance(3, 3)).isZero();
        }
    }

    @Test
    void temperatureMovesAnswersBetweenTheMostProbableLabelAndTheMiddle() {
        TreeMetric path = TreeMetric.of(5, new int[][] {{0, 1}, {1, 2}, {2, 3}, {3, 4}});
        ClassIndex columns =
                ClassIndex.of(java.util.List.of(new ClassIndex.Column(0, "a"), new ClassIndex.Column(4, "e")));
        Prediction raw = new Prediction(Tensors.of(new double[][] {{2, 0}}), columns, Prediction.Kind.LOGITS);
        Loki loki = new Loki(path, new int[] {0, 4});
        ClassIndex all = ClassIndex.numbered(5);
        assertThat(loki.apply(raw, all, 0.05).classes()).containsExactly(0);
        assertThat(loki.apply(raw, all, 1e6).classes()).containsExactly(2);
        assertThat(loki.tune(raw, new int[] {1}, 0.05, 2, 1e6)).isEqualTo(2);
        assertThatThrownBy(() -> new Loki(path, new int[] {4, 0}).apply(raw, all, 1))
                .hasMessageContaining("order of the classifier's columns");
        assertThatThrownBy(() -> loki.apply(raw, ClassIndex.numbered(4), 1)).hasMessageContaining("4 labels");
        assertThatThrownBy(() -> loki.apply(raw, all, 0)).hasMessageContaining("temperature");
    }

    @Test
    void lociOfTreesGridsAndEqualDistances() {
        for (long seed = 1; seed <= 6; seed++) {
            TreeMetric t = tree(18, seed, seed > 3);
            int[] observed = drawn(seed, 18, 4);
            assertThat(Locus.ofTree(t, observed)).isEqualTo(Locus.exact(matrix(t), observed));
            assertThat(Locus.isCover(t, Locus.minimalCover(t))).isTrue();
            int[] fewer = Arrays.copyOf(observed, 3);
            assertThat(Locus.of(t, observed)).contains(Locus.of(t, fewer));
            int[] cover = Locus.greedyCover(t);
            assertThat(Locus.isCover(t, cover)).isTrue();
            assertThat(cover).isEqualTo(t.leaves());
        }
        assertThat(Locus.isCover(GraphMetric.grid(3, 4), Locus.minimalCoverOfGrid(3, 4)))
                .isTrue();
        assertThat(Locus.of(MatrixMetric.zeroOne(6), 1, 3, 4)).containsExactly(1, 3, 4);
        assertThat(Locus.isCover(MatrixMetric.zeroOne(5), Locus.minimalCoverOfEqual(5)))
                .isTrue();
        Tensor points = Rng.of(9).normal(ScalarType.Double, 9, 3);
        try (EmbeddingMetric own = new EmbeddingMetric(points)) {
            int[] cover = Locus.greedyCover(own);
            assertThat(Locus.isCover(own, cover)).isTrue();
        }
    }

    @Test
    void theNextClassOfATreeCoversItInAsManyStepsAsThereAreLeavesLeft() {
        for (NextClass.Rule rule : NextClass.Rule.values()) {
            TreeMetric t = tree(25, 7, false);
            int[] leaves = t.leaves();
            QueryRule next = new NextClass(t, rule);
            int[] chosen = next.select(
                            QueryRule.Candidates.of(25),
                            leaves.length - 2,
                            new QueryRule.Context(Double.NaN, Set.of(leaves[0], leaves[1]), Rng.of(1)))
                    .rows();
            int[] all = IntStream.concat(IntStream.of(leaves[0], leaves[1]), IntStream.of(chosen))
                    .sorted()
                    .toArray();
            assertThat(all).isEqualTo(leaves);
        }
        assertThat(new NextClass(tree(4, 1, false), NextClass.Rule.FARTHEST)
                        .select(QueryRule.Candidates.of(4), 4, QueryRule.Context.of(Rng.of(1)))
                        .rows())
                .containsExactlyInAnyOrder(0, 1, 2, 3);
    }

    @Test
    void taxonomiesWithSeveralTopsAreJoined() {
        Taxonomy tree = LabelTrees.shipped("fashion-mnist-digits");
        TreeMetric m = TreeMetric.of(tree);
        assertThat(m.size()).isEqualTo(tree.size());
        assertThat(m.complete()).isFalse();
        assertThat(m.distance(tree.idOf("Coat"), tree.idOf("Shirt"))).isEqualTo(2);
        assertThat(m.distance(tree.idOf("Coat"), tree.idOf("0"))).isEqualTo(6);
        assertThat(m.distance(tree.idOf("garment"), tree.idOf("digit"))).isEqualTo(2);
        assertThatThrownBy(() -> Locus.ofTree(m, 0, 1)).hasMessageContaining("nodes are labels");
    }

    @Test
    void largeTreesTakeOneSweep() {
        int n = 200_000;
        int[][] edges = new int[n - 1][];
        for (int v = 1; v < n; v++) {
            edges[v - 1] = new int[] {v, (v - 1) / 3};
        }
        TreeMetric t = TreeMetric.of(n, edges);
        int[] observed = IntStream.range(0, 50).map(i -> n - 1 - 997 * i).toArray();
        int[] said = new Loki(t, observed).predict(probabilities(1, 2, 50));
        assertThat(said).hasSize(2);
        // the sum of 50 rows of distances says the same
        double[] cost = new double[n];
        double[] p = Tensors.rows(probabilities(1, 2, 50))[0];
        for (int i = 0; i < 50; i++) {
            double[] d = t.row(observed[i]);
            for (int y = 0; y < n; y++) {
                cost[y] += p[i] * d[y] * d[y];
            }
        }
        assertThat(cost[said[0]]).isCloseTo(Arrays.stream(cost).min().orElseThrow(), within(1e-9));
    }

    @Test
    void badInputIsRefused() {
        assertThatThrownBy(() -> new MatrixMetric(new double[][] {{0, 1}, {2, 0}}))
                .hasMessageContaining("back it is");
        assertThatThrownBy(() -> new MatrixMetric(new double[][] {{0, -1}, {-1, 0}}))
                .hasMessageContaining(">= 0");
        assertThatThrownBy(() -> new MatrixMetric(new double[][] {{1}})).hasMessageContaining("to itself");
        assertThatThrownBy(() -> new MatrixMetric(new double[][] {{0, 1}})).hasMessageContaining("Row 0");
        assertThatThrownBy(() -> GraphMetric.of(3, new int[][] {{0, 1}})).hasMessageContaining("cannot be reached");
        assertThatThrownBy(() -> TreeMetric.of(3, new int[][] {{0, 1}})).hasMessageContaining("2 edges");
        assertThatThrownBy(() -> TreeMetric.of(4, new int[][] {{0, 1}, {0, 1}, {2, 3}}))
                .hasMessageContaining("no tree");
        assertThatThrownBy(() -> TreeMetric.of(2, new int[][] {{0, 2}})).hasMessageContaining("Edge 0");
        LabelMetric m = MatrixMetric.zeroOne(4);
        assertThatThrownBy(() -> new Loki(m, new int[] {1, 1})).hasMessageContaining("observed twice");
        assertThatThrownBy(() -> new Loki(m, new int[] {4})).hasMessageContaining("no label 4");
        assertThatThrownBy(() -> new Loki(m, new int[0])).hasMessageContaining("At least one label");
        Loki loki = new Loki(m, new int[] {0, 1});
        assertThatThrownBy(() -> loki.predict(Tensors.of(new double[][] {{0.5, 0.6}})))
                .hasMessageContaining("Row 0")
                .hasMessageContaining("softmax");
        assertThatThrownBy(() -> loki.predict(Tensors.of(new double[][] {{0.5}})))
                .hasMessageContaining("shape");
        assertThatThrownBy(() -> new EmbeddingMetric(Tensors.zeros(ScalarType.Double, 2, 2)))
                .hasMessageContaining("no direction");
        assertThatThrownBy(() -> new NextClass(m, NextClass.Rule.FARTHEST)
                        .select(QueryRule.Candidates.of(3), 1, QueryRule.Context.of(Rng.of(1))))
                .hasMessageContaining("3 candidates");
        assertThatThrownBy(() -> DistanceScores.of(m, new int[1], new int[2])).hasMessageContaining("1 and 2");
    }
}
