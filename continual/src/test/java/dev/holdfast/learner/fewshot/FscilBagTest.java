package dev.holdfast.learner.fewshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.LabelViews;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.estimate.PrototypeCalibration;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.fewshot.BagConfig.Assigned;
import dev.holdfast.learner.fewshot.BagConfig.Classifier;
import dev.holdfast.learner.fewshot.BagConfig.Tuning;
import dev.holdfast.learner.prototype.Csfa;
import dev.holdfast.loss.SupervisedContrastive.Form;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.FewShot;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What each trick moves and what it leaves, and the limits in which the bag is a simpler method. */
@ExtendWith(NativeMemory.class)
class FscilBagTest {
    private static final Dataset TRAIN = Clouds.of(8, 20, 6, 1, "train");
    private static final Dataset TEST = Clouds.of(8, 12, 6, 1, "test");

    private static NetConfig net(Norm norm) {
        return new NetConfig(
                BackboneConfig.mlp(Init.KAIMING_UNIFORM, 16, 12).withNorm(norm), OptimizerConfig.adam(1e-2), false);
    }

    private static BagConfig baseline() {
        return BagConfig.baseline().with(net(Norm.LAYER));
    }

    private static Scenario scenario() {
        return FewShot.of(FewShot.Config.of(4, 2, 5, 2, 3, 8), TRAIN, TEST, Rng.of(2));
    }

    private static FscilBag learner(BagConfig c) {
        return new FscilBag(c, TRAIN.schema(), Rng.of(4));
    }

    private static <L extends Learner> L through(L l, Scenario s) {
        new Run(l, s, List.of(), new MetricLog(), Rng.of(3)).finish();
        return l;
    }

    /** After the base. */
    private static FscilBag based(BagConfig c) {
        FscilBag l = learner(c);
        Run r = new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3));
        while (!l.based()) {
            r.advance();
        }
        return l;
    }

    private static Batch session(int k) {
        Dataset d = (Dataset) scenario().experiences().get(k).train();
        return d.rows(IntStream.range(0, (int) d.size()).toArray());
    }

    private static Inputs test() {
        return TEST.rows(IntStream.range(0, (int) TEST.size()).toArray()).inputs();
    }

    private static Map<String, double[]> leaves(FscilBag l) {
        Map<String, double[]> all = new LinkedHashMap<>();
        Parameters p = l.net().parameters();
        for (int i = 0; i < p.size(); i++) {
            if (p.meta().get(i).role() != Role.HEAD) {
                all.put(p.meta().get(i).name(), Tensors.doubles(p.get(i)));
            }
        }
        return all;
    }

    private static double[] head(FscilBag l) {
        return Tensors.doubles(l.net().parameters().get("head.weight"));
    }

    @Test
    void withoutTricksItIsTheFrozenCosineClassifier() {
        try (Scope s = Scope.open()) {
            Csfa.Config c = Csfa.Config.of(net(Norm.LAYER)).with(new PrototypeCalibration(0, 16));
            Csfa frozen = through(new Csfa(c.with(c.adapt().frozen()), TRAIN.schema(), Rng.of(4)), scenario());
            FscilBag bag = through(learner(baseline()), scenario());
            assertThat(Tensors.doubles(bag.predict(test()).scores()))
                    .containsExactly(Tensors.doubles(frozen.predict(test()).scores()), within(1e-4));
        }
    }

    @Test
    void frozenSessionsLeaveEncoderAndBaseLogitsAsTheyWere() {
        try (Scope s = Scope.open()) {
            FscilBag l = based(baseline());
            Map<String, double[]> before = leaves(l);
            double[][] logits = Tensors.rows(l.predict(test()).scores());
            l.learn(session(1));
            l.learn(session(2));
            assertThat(leaves(l)).usingRecursiveComparison().isEqualTo(before);
            double[][] after = Tensors.rows(l.predict(test()).scores());
            assertThat(after[0]).hasSize(8);
            for (int i = 0; i < after.length; i++) {
                assertThat(Arrays.copyOf(after[i], 4)).as("row " + i).isEqualTo(logits[i]);
            }
        }
    }

    @Test
    void aClassIsTheMeanOfItsRows() {
        try (Scope s = Scope.open()) {
            FscilBag l = based(baseline());
            Batch b = session(1);
            l.learn(b);
            Tensor f = l.model().features(b.inputs(), Pass.eval()).detach();
            int[] column = l.net().columns().columnsOf(b.classIds());
            for (int c = 4; c < 6; c++) {
                int k = c;
                int[] rows = IntStream.range(0, column.length)
                        .filter(i -> column[i] == k)
                        .toArray();
                assertThat(rows).hasSize(5);
                assertThat(Arrays.copyOfRange(head(l), 12 * c, 12 * c + 12))
                        .containsExactly(Tensors.doubles(Tensors.rows(f, rows).mean(new long[] {0})), within(1e-5));
            }
            // one row is its own mean
            FscilBag one = based(baseline().with(Tuning.lastStage()));
            assertThat(one.learn(b.rows(0)).rows()).isEqualTo(1);
            assertThat(one.net().columns().size()).isEqualTo(5);
        }
    }

    @ParameterizedTest
    @EnumSource(Tuning.Score.class)
    void aSubnetMovesNoMoreThanItsEntries(Tuning.Score score) {
        try (Scope s = Scope.open()) {
            Tuning t = new Tuning(Tuning.Moves.ENCODER, true, 0.25, score, 5, 0.05, 1, true);
            FscilBag l = based(baseline().with(t));
            Map<String, double[]> before = leaves(l);
            l.learn(session(1));
            int moved = 0;
            for (Map.Entry<String, double[]> e : leaves(l).entrySet()) {
                double[] old = before.get(e.getKey());
                int changed = (int) IntStream.range(0, old.length)
                        .filter(i -> old[i] != e.getValue()[i])
                        .count();
                assertThat(changed).as(e.getKey()).isLessThanOrEqualTo((int) Math.round(0.25 * (old.length - 1)));
                moved += changed;
            }
            assertThat(moved).isPositive();
        }
    }

    @Test
    void aSubnetOfNothingIsAFrozenEncoderAndOneOfAllIsTuning() {
        try (Scope s = Scope.open()) {
            Tuning all = new Tuning(Tuning.Moves.ENCODER, false, 0, Tuning.Score.MAGNITUDE, 5, 0.05, 1, true);
            FscilBag none = based(baseline()
                    .with(new Tuning(Tuning.Moves.ENCODER, true, 0, Tuning.Score.MAGNITUDE, 5, 0.05, 1, true)));
            Map<String, double[]> before = leaves(none);
            none.learn(session(1));
            assertThat(leaves(none)).usingRecursiveComparison().isEqualTo(before);

            FscilBag free = based(baseline().with(all));
            FscilBag masked = based(baseline()
                    .with(new Tuning(Tuning.Moves.ENCODER, true, 1, Tuning.Score.MAGNITUDE, 1, 0.05, 1, true)));
            FscilBag once = based(baseline()
                    .with(new Tuning(Tuning.Moves.ENCODER, false, 1, Tuning.Score.MAGNITUDE, 1, 0.05, 1, true)));
            free.learn(session(1));
            masked.learn(session(1));
            once.learn(session(1));
            assertThat(leaves(free).get("fc.0.weight")).isNotEqualTo(before.get("fc.0.weight"));
            // after one step only the largest entry of each leaf differs
            leaves(once).forEach((name, v) -> {
                double[] m = leaves(masked).get(name);
                assertThat(IntStream.range(0, v.length)
                                .filter(i -> v[i] != m[i])
                                .count())
                        .as(name)
                        .isLessThanOrEqualTo(1);
            });
        }
    }

    @Test
    void tuningMovesTheLastStageAndTheNewWeightsOnlyAndNoStatistics() {
        try (Scope s = Scope.open()) {
            FscilBag l = based(BagConfig.baseline()
                    .with(net(Norm.BATCH))
                    .with(Tuning.lastStage().withRates(0.05, 1)));
            Map<String, double[]> before = leaves(l);
            double[] head = head(l);
            List<String> buffers = l.model().state().tensors().keySet().stream()
                    .filter(n -> !l.net().parameters().meta().stream()
                            .anyMatch(m -> m.name().equals(n)))
                    .toList();
            assertThat(buffers).as("running statistics").isNotEmpty();
            Map<String, double[]> statistics = new LinkedHashMap<>();
            buffers.forEach(
                    n -> statistics.put(n, Tensors.doubles(l.model().state().tensor(n))));
            StepReport r = l.learn(session(1));
            assertThat(r.loss()).isFinite();
            leaves(l).forEach((name, v) -> {
                if (name.contains(".0")) {
                    assertThat(v).as(name).isEqualTo(before.get(name));
                }
            });
            assertThat(leaves(l).get("fc.1.weight")).isNotEqualTo(before.get("fc.1.weight"));
            assertThat(Arrays.copyOf(head(l), head.length)).isEqualTo(head);
            statistics.forEach(
                    (n, v) -> assertThat(Tensors.doubles(l.model().state().tensor(n)))
                            .as(n)
                            .isEqualTo(v));
            // full fine-tuning moves what stands for old classes too
            FscilBag full = based(FscilBagPlugin.fullFinetune(baseline()));
            double[] old = head(full);
            full.learn(session(1));
            assertThat(Arrays.copyOf(head(full), old.length)).isNotEqualTo(old);
        }
    }

    @Test
    void assignedPrototypesStandForClasses() {
        try (Scope s = Scope.open()) {
            FscilBag l =
                    based(baseline().withAssigned(Assigned.Use.CROSS_ENTROPY).with(Classifier.ASSIGNED));
            l.learn(session(1));
            Tensor rows = l.net().parameters().get("head.weight").detach();
            double[][] gram = Tensors.rows(rows.matmul(rows.t()));
            for (int i = 0; i < 6; i++) {
                for (int j = 0; j < 6; j++) {
                    assertThat(gram[i][j]).isCloseTo(i == j ? 1 : -1.0 / 7, within(1e-5));
                }
            }
        }
    }

    @Test
    void classesBeyondTheLimitAreRefusedUnlessPrototypesGrow() {
        try (Scope s = Scope.open()) {
            BagConfig c = baseline().withAssigned(Assigned.Use.CROSS_ENTROPY).with(Classifier.ASSIGNED);
            FscilBag l = based(c.with(new Assigned(Assigned.Use.CROSS_ENTROPY, 10, false, 5, false, 0, 100)));
            byte[] before = Tensors.bytes(l.predict(test()).scores());
            assertThatThrownBy(() -> l.learn(session(1)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("at most 5 classes")
                    .hasMessageContaining("assigned.grow");
            assertThat(Tensors.bytes(l.predict(test()).scores())).isEqualTo(before);

            FscilBag grows = based(c.with(new Assigned(Assigned.Use.CROSS_ENTROPY, 10, false, 5, true, 0, 100)));
            double[] old = head(grows);
            grows.learn(session(1));
            assertThat(grows.net().columns().size()).isEqualTo(6);
            assertThat(Arrays.copyOf(head(grows), old.length)).isEqualTo(old);
        }
    }

    @Test
    void narrowFeaturesGetAProjectionIfAskedFor() {
        try (Scope s = Scope.open()) {
            NetConfig narrow = new NetConfig(
                    BackboneConfig.mlp(Init.KAIMING_UNIFORM, 8, 4).withNorm(Norm.LAYER),
                    OptimizerConfig.adam(1e-2),
                    false);
            BagConfig c = baseline().with(narrow).withAssigned(Assigned.Use.DOT_REGRESSION);
            assertThat(learner(c).net().parameters().meta())
                    .noneMatch(m -> m.name().startsWith("neck"));
            FscilBag l = through(
                    learner(c.with(new Assigned(Assigned.Use.DOT_REGRESSION, 10, true, 0, false, 32, 100))),
                    scenario());
            assertThat(l.model().features(test(), Pass.eval()).size(1)).isEqualTo(32);
        }
    }

    @Test
    void aKnownClassInALaterSessionIsRefused() {
        try (Scope s = Scope.open()) {
            FscilBag l = based(baseline());
            Experience base = scenario().experiences().get(0);
            assertThatThrownBy(() -> l.begin(base))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("known already")
                    .hasMessageContaining("returning=UPDATE");
            based(baseline().withReturning(BagConfig.Returning.UPDATE)).begin(base);
        }
    }

    @Test
    void aClassWhoseMeanPointsNowhereIsRefused() {
        try (Scope s = Scope.open()) {
            BagConfig c = baseline().with(new NetConfig(BackboneConfig.linear(), OptimizerConfig.adam(1e-2), false));
            FscilBag l = based(c);
            int columns = l.net().columns().size();
            Batch b = session(1).rows(0, 0);
            Tensor x = b.inputs().x().clone();
            x.select(0, 1).neg_();
            Batch opposed = new Batch(Inputs.of(x), b.target(), b.rows(), 0, -1, null, null);
            assertThatThrownBy(() -> l.learn(opposed))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("points nowhere");
            assertThat(l.net().columns().size()).isEqualTo(columns);
        }
    }

    @Test
    void scoresAreMeansOverTheViewsOfAnImage() {
        try (Scope s = Scope.open()) {
            Dataset images = images(6);
            BagConfig c = baseline()
                    .with(LabelViews.QUARTER_TURNS)
                    .withRotation(1)
                    .withContrast(1, Form.QUEUE)
                    .withPretraining(1);
            FscilBag l = new FscilBag(c, images.schema(), Rng.of(1));
            Scenario few = FewShot.of(FewShot.Config.of(2, 1, 3, 1, 2, 8), images, images, Rng.of(1));
            through(l, few);
            Batch b = images.rows(0, 1, 2);
            assertThat(head(l)).hasSize(3 * 4 * 12);
            Tensor sum = null;
            for (int m = 0; m < 4; m++) {
                Tensor turned = LabelViews.QUARTER_TURNS.apply(b.inputs().x(), m);
                Tensor f = l.model().features(Inputs.of(turned), Pass.eval());
                Tensor joint =
                        ((BagModel) l.model()).head().joint(f, Pass.eval()).detach();
                int view = m;
                Tensor own = joint.index_select(
                        1,
                        Tensors.ids(IntStream.range(0, 3).map(y -> 4 * y + view).toArray()));
                sum = sum == null ? own : sum.add(own);
            }
            assertThat(Tensors.doubles(l.predict(b.inputs()).scores()))
                    .containsExactly(Tensors.doubles(sum.div(Tensors.scalar(4))), within(1e-4));
        }
    }

    /** Noisy squares, one corner bright a class. */
    private static Dataset images(int side) {
        return images(side, side);
    }

    private static Dataset images(int height, int width) {
        int n = 30;
        long[] y = IntStream.range(0, n).mapToLong(i -> i % 3).toArray();
        Tensor x = Rng.of(5).uniform(ScalarType.Float, n, 1, height, width);
        for (int i = 0; i < n; i++) {
            x.select(0, i).select(0, 0).select(0, i % 3).fill_(Tensors.scalar(2));
        }
        return MemoryDataset.of(
                Schema.images(1, height, width, ClassIndex.numbered(3)), Inputs.of(x), Target.ClassIds.of(y));
    }

    @Test
    void settingsAndRowsThatDoNotFitAreRefused() {
        try (Scope s = Scope.open()) {
            Schema oblong = images(4, 6).schema();
            assertThatThrownBy(() -> new FscilBag(baseline().with(LabelViews.QUARTER_TURNS), oblong, Rng.of(1)))
                    .hasMessageContaining("square");
            assertThatThrownBy(() -> new FscilBag(baseline().withRotation(1), oblong, Rng.of(1)))
                    .hasMessageContaining("square");
            assertThatThrownBy(() -> baseline().with(Classifier.BLEND)).hasMessageContaining("assigned prototypes");
            assertThatThrownBy(() -> baseline().with(net(Norm.NONE).withAllClassesFromStart()))
                    .hasMessageContaining("allClassesFromStart");
            assertThatThrownBy(() -> new Tuning(Tuning.Moves.ENCODER, true, 1.1, Tuning.Score.FISHER, 1, 1, 1, true))
                    .hasMessageContaining("[0, 1]");
            assertThatThrownBy(() -> baseline().withWidth(0)).hasMessageContaining("width");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"baseline", "contrast", "prototypes", "pretraining", "width", "tuning", "bag", "untrained"})
    void everyRungLearns(String preset) {
        try (Scope s = Scope.open()) {
            BagConfig c = new FscilBagPlugin().presets().get(preset).with(net(Norm.LAYER));
            FscilBag l = through(learner(c), scenario());
            Batch all = TEST.rows(IntStream.range(0, (int) TEST.size()).toArray());
            int[] said = l.predict(all.inputs()).classes();
            long right = IntStream.range(0, said.length)
                    .filter(i -> said[i] == all.classIds()[i])
                    .count();
            assertThat(right / (double) said.length).as(preset).isGreaterThan(0.5);
        }
    }

    @Test
    void itIsMadeForFewRows() {
        try (Scope s = Scope.open()) {
            FscilBagPlugin p = new FscilBagPlugin();
            assertThat(p.madeFor(scenario())).isTrue();
            Dataset many = Clouds.of(4, 120, 4, 1, "train");
            assertThat(p.madeFor(ClassIncremental.of(
                            new ClassIncremental.Config(
                                    2, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(1, 8)),
                            many,
                            many,
                            Rng.of(1))))
                    .isFalse();
            assertThat(p.shortlisted()).isFalse();
        }
    }
}
