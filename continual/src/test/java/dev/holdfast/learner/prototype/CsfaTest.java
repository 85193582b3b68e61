package dev.holdfast.learner.prototype;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.corrupt.ImageShift;
import dev.holdfast.estimate.PrototypeCalibration;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.StepReport.Event;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Gilcd;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What adapts and what does not, and the limits in which it is a simpler method. */
@ExtendWith(NativeMemory.class)
class CsfaTest {
    private static final Dataset TRAIN = Clouds.of(5, 20, 6, 1, "train");
    private static final Dataset TEST = Clouds.of(5, 12, 6, 1, "test");

    private static Csfa.Config config() {
        BackboneConfig body = BackboneConfig.mlp(Init.KAIMING_UNIFORM, 12, 8).withNorm(Norm.LAYER);
        return Csfa.Config.of(new NetConfig(body, OptimizerConfig.adam(1e-2), false));
    }

    private static Scenario scenario() {
        Gilcd.Config c = Gilcd.Config.images(Dealing.offline(3, 8))
                .withClasses(3, 1)
                .withRows(30)
                .withDrifts(
                        List.of(new ImageShift.None(), ImageShift.featureNoise(0.3), new ImageShift.Contrast(0.5, 0.5)))
                .wild(8, Gilcd.Order.SHUFFLED, 0);
        return Gilcd.of(c, TRAIN, TEST, Rng.of(2));
    }

    private static Run run(Csfa l) {
        return new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3));
    }

    private static Csfa learner(Csfa.Config c) {
        return new Csfa(c, TRAIN.schema(), Rng.of(4));
    }

    /** After the base. */
    private static Csfa based(Csfa.Config c) {
        Csfa l = learner(c);
        Run r = run(l);
        while (!l.based()) {
            r.advance();
        }
        return l;
    }

    private static Batch unlabelled(int from, int to) {
        return TEST.rows(IntStream.range(from, to).toArray()).withoutTarget();
    }

    private static byte[] leaves(Csfa l, java.util.function.Predicate<dev.holdfast.tensor.ParamMeta> which) {
        return Tensors.bytes(l.net().parameters().where(which).values().flat());
    }

    @Test
    void afterTheBaseEachClassIsTheMeanOfItsRawFeatures() {
        try (Scope s = Scope.open()) {
            Csfa l = based(config());
            Dataset base = (Dataset) scenario().experiences().get(0).train();
            Batch all = base.rows(IntStream.range(0, (int) base.size()).toArray());
            Tensor f = l.net().model().features(all.inputs(), Pass.eval()).detach();
            int[] column = l.net().columns().columnsOf(all.classIds());
            Tensor head = l.net().parameters().get("head.weight");
            for (int c = 0; c < 3; c++) {
                int k = c;
                int[] rows = IntStream.range(0, column.length)
                        .filter(i -> column[i] == k)
                        .toArray();
                assertThat(Tensors.doubles(head.select(0, c)))
                        .containsExactly(Tensors.doubles(Tensors.rows(f, rows).mean(new long[] {0})), within(1e-5));
            }
        }
    }

    @Test
    void onlyTheNormsOfEarlierBlocksMove() {
        try (Scope s = Scope.open()) {
            Csfa l = based(
                    config().with(AdaptationConfig.defaults().withFilter(0).withRate(0.1)));
            byte[] others = leaves(l, m -> m.role() != Role.NORM);
            byte[] last = leaves(l, m -> m.role() == Role.NORM && m.depth() == 1);
            byte[] first = leaves(l, m -> m.role() == Role.NORM && m.depth() == 0);
            StepReport r = l.learn(unlabelled(0, 16));
            assertThat(r.rows()).isEqualTo(16);
            assertThat(leaves(l, m -> m.role() != Role.NORM)).isEqualTo(others);
            assertThat(leaves(l, m -> m.role() == Role.NORM && m.depth() == 1)).isEqualTo(last);
            assertThat(leaves(l, m -> m.role() == Role.NORM && m.depth() == 0)).isNotEqualTo(first);
        }
    }

    @Test
    void labelledRowsMoveNoWeightButThoseOfTheirClasses() {
        try (Scope s = Scope.open()) {
            Csfa l = based(config());
            byte[] body = leaves(l, m -> m.role() != Role.HEAD);
            byte[] base = Tensors.bytes(l.net().parameters().get("head.weight"));
            int[] fresh = IntStream.range(0, (int) TRAIN.size())
                    .filter(i -> l.net().columns().columnOf((int) TRAIN.classIds()[i]) < 0)
                    .limit(5)
                    .toArray();
            l.learn(TRAIN.rows(fresh));
            assertThat(leaves(l, m -> m.role() != Role.HEAD)).isEqualTo(body);
            assertThat(Arrays.copyOf(Tensors.bytes(l.net().parameters().get("head.weight")), base.length))
                    .isEqualTo(base);
            assertThat(l.net().columns().size()).isEqualTo(5);
            // rows of the base change nothing at all
            State before = l.state().copy();
            Dataset baseRows = (Dataset) scenario().experiences().get(0).train();
            assertThat(l.learn(baseRows.rows(0, 1, 2)).rows()).isZero();
            assertThat(l.state().sameAs(before)).isTrue();
        }
    }

    @Test
    void withoutCalibrationOrAdaptationItIsTheNearestClassMean() {
        try (Scope s = Scope.open()) {
            Csfa l = learner(config().with(new PrototypeCalibration(0, 16))
                    .with(AdaptationConfig.defaults().frozen()));
            run(l).finish();
            Batch t = TEST.rows(IntStream.range(0, (int) TEST.size()).toArray());
            Prediction p = l.predict(t.inputs());
            Tensor f = l.net().model().features(t.inputs(), Pass.eval());
            Tensor w = l.net().parameters().get("head.weight");
            double[][] fs = Tensors.rows(f);
            double[][] ws = Tensors.rows(w);
            int[] said = p.classes();
            for (int i = 0; i < said.length; i++) {
                int best = 0;
                for (int c = 1; c < ws.length; c++) {
                    best = cosine(fs[i], ws[c]) > cosine(fs[i], ws[best]) ? c : best;
                }
                assertThat(said[i]).isEqualTo(p.columns().columns().get(best).classId());
            }
            assertThat(p.columns().size()).isEqualTo(5);
        }
    }

    private static double cosine(double[] a, double[] b) {
        double dot = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            dot += a[i] * b[i];
            aa += a[i] * a[i];
            bb += b[i] * b[i];
        }
        return dot / Math.sqrt(aa * bb);
    }

    @Test
    void whereNothingIsReliableTheStateIsTheSameToTheBit() {
        try (Scope s = Scope.open()) {
            Csfa l = based(config().with(AdaptationConfig.defaults().withFilter(1e-9)));
            State before = l.state().copy();
            StepReport r = l.learn(unlabelled(0, 8));
            assertThat(r.rows()).isZero();
            assertThat(r.loss()).isPositive();
            assertThat(l.state().sameAs(before)).isTrue();
        }
    }

    @Test
    void predictingTwiceGivesTheSameBits() {
        try (Scope s = Scope.open()) {
            Csfa l = based(config());
            l.learn(unlabelled(0, 8));
            Inputs x = unlabelled(8, 20).inputs();
            assertThat(Tensors.bytes(l.predict(x).scores()))
                    .isEqualTo(Tensors.bytes(l.predict(x).scores()));
        }
    }

    @Test
    void itResumesAnywhereInTheStreamWithTheSameBits() {
        for (boolean refresh : new boolean[] {false, true}) {
            Csfa.Config d = config().with(AdaptationConfig.defaults().withFilter(0.9));
            Csfa.Config c = new Csfa.Config(
                    d.net(), d.scale(), d.calibration(), d.adapt(), refresh, 3, refresh, d.rejectBelow());
            Run whole = run(learner(c));
            List<State> saved = new ArrayList<>();
            do {
                try (Scope s = Scope.open()) {
                    saved.add(whole.state().copy());
                }
            } while (whole.advance());
            for (int at = saved.size() - 1; at > 20; at -= 3) {
                Run r = run(learner(c));
                try (Scope s = Scope.open()) {
                    r.load(saved.get(at));
                    r.finish();
                    assertThat(r.learner().state().sameAs(whole.learner().state()))
                            .as("from step " + at)
                            .isTrue();
                }
            }
        }
    }

    @Test
    void aRefusedStateLeavesALearnerThatGoesOn() {
        try (Scope s = Scope.open()) {
            Csfa l = based(config().with(AdaptationConfig.defaults().withFilter(0)));
            Csfa twin = based(config().with(AdaptationConfig.defaults().withFilter(0)));
            l.learn(unlabelled(0, 8));
            twin.learn(unlabelled(0, 8));
            State bad = new State();
            l.state().copy().values().forEach(bad::put);
            l.state().copy().tensors().forEach((k, t) -> bad.put(k, k.startsWith("adaptation.") ? null : t));
            assertThatThrownBy(() -> l.load(bad)).isInstanceOf(IllegalArgumentException.class);
            l.learn(unlabelled(8, 16));
            twin.learn(unlabelled(8, 16));
            assertThat(l.state().sameAs(twin.state())).isTrue();
        }
    }

    @Test
    void aCollapsedModelIsPutBackAndSaysSo() {
        try (Scope s = Scope.open()) {
            Csfa l = based(config().with(AdaptationConfig.defaults()
                    .withFilter(0)
                    .withRate(0.5)
                    .withRecovery(0.999)));
            byte[] start = leaves(l, m -> true);
            StepReport r = l.learn(unlabelled(0, 8));
            assertThat(r.events()).extracting(Event::kind).containsExactly(Event.Kind.MODEL_RESET);
            assertThat(leaves(l, m -> true)).isEqualTo(start);
        }
    }

    @Test
    void batchStatisticsOfFewRowsAreWarnedOf() {
        try (Scope s = Scope.open()) {
            BackboneConfig body =
                    BackboneConfig.mlp(Init.KAIMING_UNIFORM, 12, 8).withNorm(Norm.BATCH);
            AdaptationConfig d = AdaptationConfig.defaults();
            Csfa l = based(Csfa.Config.of(new NetConfig(body, OptimizerConfig.adam(1e-2), false))
                    .with(new AdaptationConfig(
                            d.rate(), d.fullBatch(), d.momentum(), d.rho(), d.gap(), 0, 0, 1, true)));
            StepReport r = l.learn(unlabelled(0, 4));
            assertThat(r.events()).extracting(Event::kind).containsExactly(Event.Kind.UNSTABLE);
            assertThat(l.learn(unlabelled(4, 8)).events()).isEmpty();
        }
    }

    @Test
    void aNetworkWithoutNormsIsRefusedWithItsLayers() {
        Csfa.Config none = Csfa.Config.of(
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 12, 8), OptimizerConfig.adam(1e-2), false));
        assertThatThrownBy(() -> learner(none))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("fc.0")
                .hasMessageContaining("norm");
        assertThatThrownBy(
                        () -> learner(config().with(AdaptationConfig.defaults().withFrozenBlocks(2))))
                .hasMessageContaining("norm.0.weight");
        // prototypes alone need none
        learner(none.with(AdaptationConfig.defaults().frozen()));
    }

    @Test
    void rowsWithoutLabelsBeforeTheBaseAreRefused() {
        try (Scope s = Scope.open()) {
            Csfa l = learner(config());
            assertThatThrownBy(() -> l.learn(unlabelled(0, 4)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("base");
        }
    }

    @Test
    void farRowsAreUnknown() {
        try (Scope s = Scope.open()) {
            Csfa.Config d = config();
            Csfa l = based(new Csfa.Config(d.net(), d.scale(), d.calibration(), d.adapt(), false, 5, false, 1));
            assertThat(l.unknown(unlabelled(0, 3).inputs())).containsOnly(true);
            assertThat(based(d).unknown(unlabelled(0, 3).inputs())).containsOnly(false);
        }
    }

    @Test
    void labelsThatTakeStepsHelpAndMoveTheNorms() {
        try (Scope s = Scope.open()) {
            Csfa l = based(config().withLabelledSteps()
                    .with(AdaptationConfig.defaults().withRate(0.1)));
            Parameters norms = l.net().parameters().where(m -> m.role() == Role.NORM);
            byte[] before = Tensors.bytes(norms.values().flat());
            Batch b = TRAIN.rows(0, 1, 2, 3, 4, 5, 6, 7);
            double first = l.learn(b).loss();
            assertThat(Tensors.bytes(norms.values().flat())).isNotEqualTo(before);
            double last = first;
            for (int i = 0; i < 20; i++) {
                last = l.learn(b).loss();
            }
            assertThat(last).isLessThan(first);
        }
    }

    @Test
    void badSettingsAreRefused() {
        AdaptationConfig d = AdaptationConfig.defaults();
        assertThatThrownBy(() -> d.withRate(-1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> d.withRecovery(1)).hasMessageContaining("1.0");
        assertThatThrownBy(() -> d.withFilter(-0.1)).hasMessageContaining("-0.1");
        assertThatThrownBy(() -> Csfa.Config.of(config().net().withAllClassesFromStart()))
                .hasMessageContaining("allClassesFromStart");
        assertThat(d.tent().rho()).isZero();
        assertThat(d.sar().gap()).isZero();
    }
}
