package dev.holdfast.calibrate.bin;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.calibrate.Calibrator;
import dev.holdfast.calibrate.HeldOut;
import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.calibrate.linear.LinearCalibrators;
import dev.holdfast.calibrate.map.EnsembleMap;
import dev.holdfast.calibrate.map.MonotoneMap;
import dev.holdfast.calibrate.map.PiecewiseMap;
import dev.holdfast.calibrate.objective.HObjective;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.evaluate.calibration.CalibrationMetric;
import dev.holdfast.evaluate.calibration.LabelledProbabilities;
import dev.holdfast.math.KMeans1d;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NobodyWaits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Golden vectors of h-calibration: metrics, objective with gradients and clusters, maps, baselines, k-means. */
class HCalibrationGoldenTest {
    private static final String SYSTEM = "12-h-calibration";

    static Stream<GoldenCase> cases() {
        return Golden.cases(SYSTEM);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "metrics" -> metrics(c);
                case "loss" -> loss(c);
                case "map_piecewise" -> piecewise(c);
                case "map_ensemble" ->
                    c.assertOutput(
                            "probs",
                            new EnsembleMap(c.vector("inverse_temperatures"), c.vector("weights"))
                                    .probabilities(c.tensor("logits")));
                case "map_monotone" -> monotone(c);
                case "baselines" -> baselines(c);
                case "kmeans1d" -> clusters(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    /** The case that brings the logits, this one or the one it names. */
    private static GoldenCase withLogits(GoldenCase c) {
        return c.has("logits")
                ? c
                : cases().filter(o -> o.name().equals(c.text("uses_inputs_of_case")))
                        .findFirst()
                        .orElseThrow();
    }

    private static void metrics(GoldenCase c) {
        LabelledProbabilities x = LabelledProbabilities.ofLogits(c.tensor("logits"), c.ints("labels"));
        for (CalibrationMetric m : CalibrationMetric.values()) {
            if (c.expects(m.label())) {
                c.assertOutput(m.label(), m.of(x));
            }
        }
    }

    private static void loss(GoldenCase c) {
        HObjective.Weighting weighting =
                switch (c.text("weighting")) {
                    case "cluace" -> HObjective.Weighting.CLUSTERED;
                    case "unweighted" -> HObjective.Weighting.UNWEIGHTED;
                    case "ace" -> HObjective.Weighting.EQUAL_WIDTH;
                    default -> throw new IllegalArgumentException(c.text("weighting"));
                };
        HObjective.Config h = new HObjective.Config(
                c.integer("window"),
                c.number("epsilon"),
                weighting,
                c.integer("clusters"),
                c.flag("leave_class_out"),
                c.number("loss_weight"));
        GoldenCase from = withLogits(c);
        Tensor p = Scope.own(from.tensor("logits").softmax(1)).set_requires_grad(true);
        int[] labels = from.ints("labels");
        Tensor loss = HObjective.loss(h, p, labels);
        c.assertOutput("loss", Tensors.item(loss));
        if (c.expects("grad_probs")) {
            Parameters leaf =
                    new Parameters(List.of(new ParamMeta("p", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(p));
            c.assertOutput("grad_probs", Autograd.grad(loss, leaf, false).get(0));
        }
        if (c.expects("cluster_of_sorted_event")) {
            c.assertOutput(
                    "cluster_of_sorted_event", HObjective.value(h, p, labels).cluster());
        }
    }

    private static void piecewise(GoldenCase c) {
        Tensor logits = c.tensor("logits");
        PiecewiseMap map = new PiecewiseMap(c.vector("slopes"));
        c.assertOutput("mapped", map.mapped(logits));
        c.assertOutput("mapped_as_released", asReleased(logits, c.vector("slopes"), c.number("range")));
    }

    /** The released interpolation, which takes the mapped value for the segment's start; kept here to show the difference. */
    private static double[][] asReleased(Tensor logits, double[] slopes, double range) {
        double[][] x = Tensors.rows(logits.log_softmax(1));
        double width = range / (slopes.length - 1);
        for (double[] row : x) {
            for (int k = 0; k < row.length; k++) {
                double t = -row[k];
                int segment = (int) Math.floor(t / width);
                double mapped =
                        Arrays.stream(slopes, 0, segment + 1).map(Math::abs).sum() * width - width;
                row[k] = -(mapped + Math.abs(slopes[segment + 1]) * (t - mapped));
            }
        }
        return x;
    }

    private static void monotone(GoldenCase c) {
        List<Tensor> weight = new ArrayList<>();
        List<Tensor> bias = new ArrayList<>();
        for (JsonNode layer : c.input("layers")) {
            weight.add(Golden.tensor(layer.path("weight")));
            bias.add(Golden.tensor(layer.path("bias")));
        }
        int steps = c.integer("steps");
        c.assertOutput(
                "mapped",
                new MonotoneMap(weight, bias, c.number("mean"), c.number("std"), steps).mapped(c.tensor("logits")));
        c.assertOutput("quadrature_weights", MonotoneMap.weights(steps));
        c.assertOutput("nodes", MonotoneMap.nodes(steps));
    }

    private static void baselines(GoldenCase c) {
        GoldenCase from = withLogits(c);
        Tensor logits = from.tensor("logits");
        int[] labels = from.ints("labels");
        ClassIndex classes = ClassIndex.numbered((int) logits.size(1));
        Prediction raw = new Prediction(logits, classes, Prediction.Kind.LOGITS);
        Target truth = Target.ClassIds.of(Arrays.stream(labels).asLongStream().toArray());
        int few = c.integer("eval_rows");

        PostProcessor temperature = fit(LinearCalibrators.temperature(), raw, truth);
        double inverse = Tensors.item(temperature.state().tensor("map.inverse-temperature"));
        c.assertOutput("temperature", 1 / inverse);
        c.assertOutput("temperature_nll", nll(temperature.apply(raw), labels));
        Prediction vector = fit(LinearCalibrators.vector(), raw, truth).apply(raw);
        c.assertOutput("vector_nll", nll(vector, labels));
        c.assertOutput("vector_probs", Tensors.slice(vector.scores(), 0, few));

        double l2 = c.number("dirichlet_l2");
        PostProcessor dirichlet = fit(
                LinearCalibrators.dirichlet(
                        new LinearCalibrators.DirichletConfig(List.of(l2), LinearCalibrators.Penalised.ALL)),
                raw,
                truth);
        Prediction d = dirichlet.apply(raw);
        double penalty = l2
                * (Tensors.item(dirichlet.state().tensor("map.weight").square().sum())
                        + Tensors.item(
                                dirichlet.state().tensor("map.bias").square().sum()));
        c.assertOutput("dirichlet_objective", nll(d, labels) + penalty);
        c.assertOutput("dirichlet_probs", Tensors.slice(d.scores(), 0, few));

        OneVsRest[] classesApart = OneVsRest.of(HeldOut.of(raw, truth));
        Tensor p = Tensors.slice(logits, 0, few).softmax(1);
        c.assertOutput(
                "isotonic_raw",
                new StepMap(Arrays.stream(classesApart).map(StepFits::isotonic).toArray(Steps[]::new)).raw(p));
        c.assertOutput(
                "histogram_raw",
                new StepMap(Arrays.stream(classesApart)
                                .map(x -> StepFits.histogram(x, c.integer("histogram_bins")))
                                .toArray(Steps[]::new))
                        .raw(p));
    }

    private static PostProcessor fit(Calibrator c, Prediction raw, Target truth) {
        return c.fit(raw, truth, new NobodyWaits(1));
    }

    private static double nll(Prediction p, int[] labels) {
        return CalibrationMetric.NLL.of(LabelledProbabilities.of(p.scores(), labels));
    }

    private static void clusters(GoldenCase c) {
        double[] values = c.vector("values");
        int[] order = IntStream.range(0, values.length)
                .boxed()
                .sorted((a, b) -> Double.compare(values[a], values[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        KMeans1d.Clusters k = KMeans1d.ofSorted(
                Arrays.stream(order).mapToDouble(i -> values[i]).toArray(), c.integer("clusters"));
        int[] sorted = k.assign();
        int[] assign = new int[values.length];
        for (int r = 0; r < order.length; r++) {
            assign[order[r]] = sorted[r];
        }
        c.assertOutput("assign", assign);
        c.assertOutput("centres", k.centres());
    }
}
