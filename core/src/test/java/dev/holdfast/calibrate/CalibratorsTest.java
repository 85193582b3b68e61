package dev.holdfast.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.calibrate.linear.LinearCalibrators;
import dev.holdfast.calibrate.map.EnsembleMap;
import dev.holdfast.calibrate.map.LearntCalibrators;
import dev.holdfast.calibrate.map.MonotoneMap;
import dev.holdfast.calibrate.map.PiecewiseMap;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.evaluate.calibration.CalibrationMetric;
import dev.holdfast.evaluate.calibration.LabelledProbabilities;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.Registry;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NobodyWaits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every registered calibrator promises, and where some are known exactly. */
class CalibratorsTest {
    private static final int CLASSES = 4;

    static Stream<String> names() {
        return Registry.load().calibrators().stream().map(CalibratorPlugin::name);
    }

    /** Few passes and a coarse quadrature: promises do not need a good fit. */
    private static Calibrator calibrator(String name) {
        return create(Registry.load().calibrator(name));
    }

    private static <C extends Record> Calibrator create(CalibratorPlugin<C> p) {
        Map<String, String> small = new LinkedHashMap<>();
        List<String> options = ConfigBinder.options(p.defaults()).stream()
                .map(ConfigBinder.Option::name)
                .toList();
        if (options.contains("training.epochs")) {
            small.put("training.epochs", "30");
            small.put("sizes.steps", "10");
        }
        return p.create(ConfigBinder.set(p.defaults(), small));
    }

    /** Logits whose labels are drawn from the softmax of half of them: a network that is twice too sure. */
    private record Sample(Prediction raw, Target labels, int[] columns) {
        static Sample of(int n, double scale, long seed, ScalarType dtype) {
            Rng rng = Rng.of(seed);
            Tensor z = rng.child("z").normal(ScalarType.Double, n, CLASSES).mul(Tensors.scalar(2));
            int[] y = draw(z.softmax(1), rng.child("y"));
            return new Sample(
                    new Prediction(
                            z.mul(Tensors.scalar(scale)).to(dtype),
                            ClassIndex.numbered(CLASSES),
                            Prediction.Kind.LOGITS),
                    ids(y),
                    y);
        }

        LabelledProbabilities through(PostProcessor p) {
            return LabelledProbabilities.of(p.apply(raw).scores(), columns);
        }
    }

    private static Target ids(int... y) {
        return Target.ClassIds.of(Arrays.stream(y).asLongStream().toArray());
    }

    private static int[] draw(Tensor p, Rng rng) {
        double[][] rows = Tensors.rows(p);
        int[] y = new int[rows.length];
        for (int i = 0; i < y.length; i++) {
            double u = rng.next();
            while (y[i] < rows[i].length - 1 && u >= rows[i][y[i]]) {
                u -= rows[i][y[i]++];
            }
        }
        return y;
    }

    @ParameterizedTest
    @MethodSource("names")
    void keepsItsPromises(String name) {
        try (Scope s = Scope.open()) {
            Sample held = Sample.of(600, 2, 1, ScalarType.Float);
            Sample fresh = Sample.of(500, 2, 2, ScalarType.Float);
            PostProcessor p = calibrator(name).fit(held.raw, held.labels, new NobodyWaits(3));
            Prediction q = p.apply(fresh.raw);
            assertThat(q.kind()).isEqualTo(Prediction.Kind.PROBABILITIES);
            assertThat(q.scores().scalar_type().intern()).isEqualTo(ScalarType.Float);
            for (double[] row : Tensors.rows(q.scores())) {
                assertThat(Arrays.stream(row).sum()).isCloseTo(1, within(1e-5));
                assertThat(Arrays.stream(row).allMatch(x -> x >= 0 && x <= 1 + 1e-6))
                        .isTrue();
            }
            if (p.keepsDecision()) {
                assertThat(q.classes()).isEqualTo(fresh.raw.classes());
            }
            // a constant on all logits of a row says nothing
            Prediction shifted = new Prediction(
                    fresh.raw.scores().to(ScalarType.Double).add(Tensors.scalar(7)),
                    fresh.raw.columns(),
                    Prediction.Kind.LOGITS);
            Prediction same = new Prediction(
                    fresh.raw.scores().to(ScalarType.Double), fresh.raw.columns(), Prediction.Kind.LOGITS);
            if (!name.equals("matrix") && !name.equals("vector")) {
                assertThat(difference(p.apply(shifted), p.apply(same))).isLessThan(1e-9);
            }
            // the same rows and seed give the same bits, and so does what was saved
            PostProcessor again = calibrator(name).fit(held.raw, held.labels, new NobodyWaits(3));
            assertThat(again.state().sameAs(p.state())).isTrue();
            PostProcessor loaded = calibrator(name).unfitted();
            loaded.load(p.state().copy());
            assertThat(difference(loaded.apply(fresh.raw), q)).isZero();
            assertThat(loaded.keepsDecision()).isEqualTo(p.keepsDecision());
        }
    }

    private static double difference(Prediction a, Prediction b) {
        return Tensors.item(a.scores().sub(b.scores()).abs().max());
    }

    @ParameterizedTest
    @MethodSource("names")
    void halvesTheErrorOfAnOverconfidentNetwork(String name) {
        try (Scope s = Scope.open()) {
            Sample held = Sample.of(3000, 3, 1, ScalarType.Double);
            Sample fresh = Sample.of(3000, 3, 2, ScalarType.Double);
            CalibratorPlugin<?> plugin = Registry.load().calibrator(name);
            double before = CalibrationMetric.ECE.of(LabelledProbabilities.ofLogits(fresh.raw.scores(), fresh.columns));
            double after = CalibrationMetric.ECE.of(
                    fresh.through(longer(plugin).fit(held.raw, held.labels, new NobodyWaits(3))));
            assertThat(after).isLessThan(before / 2);
        }
    }

    private static <C extends Record> Calibrator longer(CalibratorPlugin<C> p) {
        boolean learnt = ConfigBinder.options(p.defaults()).stream()
                .anyMatch(o -> o.name().equals("training.epochs"));
        // the rate is for thousands of passes; here are few
        return p.create(
                learnt
                        ? ConfigBinder.set(
                                p.defaults(),
                                Map.of(
                                        "training.epochs", "60",
                                        "training.learningRate", "0.05",
                                        "sizes.steps", "10",
                                        "sizes.segments", "50"))
                        : p.defaults());
    }

    @Test
    void calibratedLogitsKeepTheirTemperatureAndPassEveryMeasure() {
        try (Scope s = Scope.open()) {
            Sample many = Sample.of(100_000, 1, 5, ScalarType.Double);
            PostProcessor t = LinearCalibrators.temperature().fit(many.raw, many.labels, new NobodyWaits(1));
            assertThat(Tensors.item(t.state().tensor("map.inverse-temperature")))
                    .isCloseTo(1, within(0.02));
        }
        try (Scope s = Scope.open()) {
            // what labels drawn again from the same probabilities would give in 95 of 100 cases
            Sample rows = Sample.of(1000, 1, 6, ScalarType.Double);
            Tensor p = rows.raw.scores().softmax(1);
            Map<CalibrationMetric, double[]> chance = new LinkedHashMap<>();
            int draws = 100;
            for (int r = 0; r < draws; r++) {
                LabelledProbabilities x =
                        LabelledProbabilities.of(p, draw(p, Rng.of(100).child("again", r)));
                for (CalibrationMetric m : CalibrationMetric.values()) {
                    chance.computeIfAbsent(m, k -> new double[draws])[r] = m.of(x);
                }
            }
            LabelledProbabilities x = LabelledProbabilities.of(p, rows.columns);
            List<CalibrationMetric> above = new ArrayList<>();
            chance.forEach((m, values) -> {
                Arrays.sort(values);
                if (m.of(x) > values[94]) {
                    above.add(m);
                }
            });
            assertThat(above).isEmpty();
        }
    }

    @Test
    void slopesOfOneAreTheIdentity() {
        try (Scope s = Scope.open()) {
            Tensor z = Rng.of(1).normal(ScalarType.Double, 200, 5).mul(Tensors.scalar(30));
            PiecewiseMap map = new PiecewiseMap(20);
            assertThat(Tensors.item(map.mapped(z).sub(z.log_softmax(1)).abs().max()))
                    .isLessThan(1e-12);
            assertThat(Tensors.item(map.probabilities(z).sub(z.softmax(1)).abs().max()))
                    .isLessThan(1e-12);
        }
    }

    @Test
    void strictSlopesAndPositiveNetsKeepEveryDecision() {
        try (Scope s = Scope.open()) {
            Rng rng = Rng.of(2);
            Tensor z = rng.normal(ScalarType.Double, 500, 6).mul(Tensors.scalar(8));
            double[] slopes = new double[51];
            Arrays.setAll(slopes, i -> 0.05 + 3 * rng.next());
            Prediction raw = new Prediction(z, ClassIndex.numbered(6), Prediction.Kind.LOGITS);
            for (ProbabilityMap map : List.of(
                    new PiecewiseMap(slopes),
                    new EnsembleMap(8, rng.child("e")),
                    new MonotoneMap(List.of(10, 10), -3, 2, 50, rng.child("m")))) {
                Prediction q = new Prediction(map.probabilities(z), raw.columns(), Prediction.Kind.PROBABILITIES);
                assertThat(q.classes()).isEqualTo(raw.classes());
            }
        }
    }

    @Test
    void flatSlopesAndRoundingDoNotMoveADecisionEither() {
        try (Scope s = Scope.open()) {
            double[] flat = new double[21];
            PostProcessor p = new Calibrated(new PiecewiseMap(flat), 3);
            Prediction raw = new Prediction(
                    Tensors.of(new float[] {1, 1.0000001f, 0, 3, 3, 9, -5, -5, -5}, 3, 3),
                    ClassIndex.numbered(3),
                    Prediction.Kind.LOGITS);
            assertThat(p.apply(raw).classes()).containsExactly(1, 2, 0).isEqualTo(raw.classes());
        }
    }

    @Test
    void probabilitiesAndSingleLogitsAreTaken() {
        try (Scope s = Scope.open()) {
            Sample held = Sample.of(300, 2, 1, ScalarType.Double);
            Prediction shares =
                    new Prediction(held.raw.scores().softmax(1), held.raw.columns(), Prediction.Kind.PROBABILITIES);
            double a = temperature(LinearCalibrators.temperature().fit(held.raw, held.labels, new NobodyWaits(1)));
            double b = temperature(LinearCalibrators.temperature().fit(shares, held.labels, new NobodyWaits(1)));
            assertThat(b).isCloseTo(a, within(1e-6));

            Tensor z = Rng.of(4).normal(ScalarType.Double, 400, 1).mul(Tensors.scalar(4));
            int[] y = draw(
                    Tensors.cat(1, Tensors.zerosLike(z, 400, 1), z.div(Tensors.scalar(2)))
                            .softmax(1),
                    Rng.of(5));
            Prediction one = new Prediction(
                    z, ClassIndex.of(List.of(new ClassIndex.Column(1, "spam"))), Prediction.Kind.SIGMOID_LOGITS);
            PostProcessor p = LinearCalibrators.temperature().fit(one, ids(y), new NobodyWaits(1));
            assertThat(temperature(p)).isBetween(1.4, 3.0);
            assertThat(p.apply(one).columns().columns().stream().map(ClassIndex.Column::name))
                    .containsExactly("not spam", "spam");
        }
    }

    private static double temperature(PostProcessor p) {
        return 1 / Tensors.item(p.state().tensor("map.inverse-temperature"));
    }

    @ParameterizedTest
    @MethodSource("names")
    void anAbsentClassAndASingleRowAreSurvived(String name) {
        try (Scope s = Scope.open()) {
            Sample all = Sample.of(60, 2, 1, ScalarType.Double);
            int[] without = Arrays.stream(all.columns).map(c -> c == 3 ? 0 : c).toArray();
            PostProcessor p = calibrator(name).fit(all.raw, ids(without), new NobodyWaits(1));
            Tensors.requireFinite("probabilities", p.apply(all.raw).scores());
            Prediction one =
                    new Prediction(Tensors.slice(all.raw.scores(), 0, 1), all.raw.columns(), Prediction.Kind.LOGITS);
            Tensors.requireFinite(
                    "probabilities",
                    calibrator(name)
                            .fit(one, ids(1), new NobodyWaits(1))
                            .apply(all.raw)
                            .scores());
        }
    }

    @Test
    void saturatedLogitsGiveFiniteFits() {
        try (Scope s = Scope.open()) {
            Tensor z = Rng.of(1).normal(ScalarType.Double, 200, 3).mul(Tensors.scalar(2000));
            Prediction raw = new Prediction(z, ClassIndex.numbered(3), Prediction.Kind.LOGITS);
            int[] y = draw(Rng.of(2).uniform(ScalarType.Double, 200, 3).softmax(1), Rng.of(3));
            for (String name : names().toList()) {
                PostProcessor p = calibrator(name).fit(raw, ids(y), new NobodyWaits(1));
                assertThat(Tensors.finite(p.apply(raw).scores())).as(name).isTrue();
            }
        }
    }

    @Test
    void refusesWhatItCannotCalibrate() {
        try (Scope s = Scope.open()) {
            Calibrator c = LearntCalibrators.of(LearntCalibrators.HConfig.DEFAULTS);
            NobodyWaits run = new NobodyWaits(1);
            ClassIndex two = ClassIndex.numbered(2);
            Tensor z = Tensors.of(new double[] {1, 2, 3, 4}, 2, 2);
            Prediction raw = new Prediction(z, two, Prediction.Kind.LOGITS);
            for (Prediction.Kind kind : List.of(Prediction.Kind.SCORES, Prediction.Kind.VALUES)) {
                refused(() -> c.fit(new Prediction(z, two, kind), ids(0, 1), run), kind.name());
            }
            refused(
                    () -> c.fit(new Prediction(z, two, Prediction.Kind.SIGMOID_LOGITS), ids(0, 1), run),
                    "sets of labels");
            refused(() -> c.fit(raw, ids(0), run), "2 rows are predicted but 1 have labels");
            refused(() -> c.fit(raw, ids(0, 7), run), "Row 1 has class 7");
            refused(() -> c.fit(raw, ids(0, -1), run), "Row 1 has no class");
            refused(() -> c.fit(raw, new Target.Soft(z), run), "Soft");
            for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
                Prediction broken =
                        new Prediction(Tensors.of(new double[] {1, 2, bad, 4}, 2, 2), two, Prediction.Kind.LOGITS);
                refused(() -> c.fit(broken, ids(0, 1), run), "row 1, entry 0");
            }
            Prediction none = new Prediction(Tensors.zeros(ScalarType.Double, 0, 2), two, Prediction.Kind.LOGITS);
            refused(() -> c.fit(none, ids(), run), "no rows");
            PostProcessor t = LinearCalibrators.temperature().fit(raw, ids(0, 1), run);
            Prediction three = new Prediction(
                    Tensors.zeros(ScalarType.Double, 1, 3), ClassIndex.numbered(3), Prediction.Kind.LOGITS);
            refused(() -> t.apply(three), "fitted on 2 classes but the prediction has 3");
            assertThatThrownBy(() -> LinearCalibrators.temperature().unfitted().apply(raw))
                    .isInstanceOf(IllegalStateException.class);
            refused(() -> Registry.load().calibrator("temprature"), "'temperature' is meant");
        }
    }

    @Test
    void refusesWhatOthersSaved() {
        try (Scope s = Scope.open()) {
            Sample held = Sample.of(60, 2, 1, ScalarType.Double);
            PostProcessor dirichlet = calibrator("dirichlet").fit(held.raw, held.labels, new NobodyWaits(1));
            PostProcessor t = LinearCalibrators.temperature().fit(held.raw, held.labels, new NobodyWaits(1));
            State before = t.state().copy();
            refused(() -> t.load(dirichlet.state()), "no tensor 'inverse-temperature'");
            assertThat(t.state().sameAs(before)).isTrue();
        }
    }

    private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String says) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(says);
    }
}
