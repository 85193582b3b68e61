package dev.holdfast.metricspace;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Distances, predictions, loci and the order of active selection. */
class LokiGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("44-loki");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "predict" -> predict(c, graph(c));
                case "predict_matrix" -> predict(c, new MatrixMetric(c.matrix("distances")));
                case "locus" -> locus(c, graph(c));
                case "locus_matrix" -> locus(c, new MatrixMetric(c.matrix("distances")));
                case "active" -> active(c);
                case "self_metric" -> self(c);
                default -> c.failOnKind();
            }
            c.assertAllCompared();
        }
    }

    /** A tree where the edges are one, else a graph. */
    private static LabelMetric graph(GoldenCase c) {
        int n = c.integer("nodes");
        int[][] edges = Arrays.stream(c.matrix("edges"))
                .map(e -> new int[] {(int) e[0], (int) e[1]})
                .toArray(int[][]::new);
        return edges.length == n - 1 ? TreeMetric.of(n, edges) : GraphMetric.of(n, edges);
    }

    private static void predict(GoldenCase c, LabelMetric metric) {
        int[] observed = c.ints("observed");
        Tensor p = c.tensor("probs");
        Loki loki = new Loki(metric, observed);
        int[] said = loki.predict(p);
        int[] most = Arrays.stream(Tensors.ints(p.argmax(new LongOptional(1), false)))
                .map(i -> observed[i])
                .toArray();
        for (String output : c.outputs()) {
            switch (output) {
                case "cost" -> c.assertOutput(output, loki.cost(p));
                case "prediction" -> c.assertOutput(output, said);
                case "argmax_prediction" -> c.assertOutput(output, most);
                case "distances" ->
                    c.assertOutput(
                            output,
                            IntStream.range(0, metric.size())
                                    .mapToObj(metric::row)
                                    .toArray(double[][]::new));
                case "mean_squared_distance" ->
                    c.assertOutput(
                            output,
                            DistanceScores.of(metric, said, c.ints("y_true"), observed)
                                    .meanSquared());
                case "mean_squared_distance_argmax" ->
                    c.assertOutput(
                            output,
                            DistanceScores.of(metric, most, c.ints("y_true"), observed)
                                    .meanSquared());
                default -> throw new AssertionError("output " + output);
            }
        }
    }

    private static void locus(GoldenCase c, LabelMetric metric) {
        int[] observed = c.ints("observed");
        for (String output : c.outputs()) {
            switch (output) {
                case "locus" -> {
                    c.assertOutput(output, Locus.of(metric, observed));
                    c.assertOutput(output, Locus.exact(metric, observed));
                }
                case "pairwise_locus" -> c.assertOutput(output, Locus.pairwise(metric, observed));
                case "locus_same_side" -> c.assertOutput(output, Locus.of(metric, c.ints("observed_same_side")));
                case "leaves" -> c.assertOutput(output, ((TreeMetric) metric).leaves());
                case "locus_of_leaves" -> c.assertOutput(output, Locus.of(metric, ((TreeMetric) metric).leaves()));
                default -> throw new AssertionError("output " + output);
            }
        }
    }

    private static void active(GoldenCase c) {
        LabelMetric metric = graph(c);
        List<Integer> observed =
                new ArrayList<>(IntStream.of(c.ints("observed")).boxed().toList());
        List<Integer> selected = new ArrayList<>();
        List<Integer> sizes = new ArrayList<>();
        NextClass rule = new NextClass(metric, NextClass.Rule.FARTHEST);
        for (int step = 0; step <= c.integer("steps"); step++) {
            int[] now = observed.stream().mapToInt(v -> v).toArray();
            sizes.add(Locus.of(metric, now).length);
            OptionalInt next = rule.next(now);
            if (next.isEmpty() || step == c.integer("steps")) {
                break;
            }
            selected.add(next.getAsInt());
            observed.add(next.getAsInt());
        }
        c.assertOutput("selected", selected);
        c.assertOutput("locus_sizes", sizes);
    }

    private static void self(GoldenCase c) {
        Tensor p = c.tensor("probs");
        try (EmbeddingMetric metric = new EmbeddingMetric(c.tensor("class_embeddings"))) {
            int[] all = IntStream.range(0, metric.size()).toArray();
            Loki loki = new Loki(metric, all);
            c.assertOutput("squared_distances", metric.squared(all));
            c.assertOutput("cost", loki.cost(p));
            c.assertOutput("prediction", loki.predict(p));
            c.assertOutput(
                    "equivalent_score",
                    p.matmul(metric.unit()).matmul(metric.unit().t()));
        }
    }
}
