package dev.holdfast.learner.replay;

import static dev.holdfast.learner.replay.ReplayMethodsTest.assertSameNet;
import static dev.holdfast.learner.replay.ReplayMethodsTest.finetune;
import static dev.holdfast.learner.replay.ReplayMethodsTest.momentum;
import static dev.holdfast.learner.replay.ReplayMethodsTest.part;
import static dev.holdfast.learner.replay.ReplayMethodsTest.rng;
import static dev.holdfast.learner.replay.ReplayMethodsTest.rows;
import static dev.holdfast.learner.replay.ReplayMethodsTest.run;
import static dev.holdfast.learner.replay.ReplayMethodsTest.scenario;
import static dev.holdfast.learner.replay.ReplayMethodsTest.schema;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.memory.Herding;
import dev.holdfast.nn.head.BiasCorrection;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.MetricLog;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Learners of exemplars and of dreams: iCaRL, BiC, WA, GDumb, generative replay. */
@ExtendWith(NativeMemory.class)
class ExemplarMethodsTest {
    private static final int ALL = 1000;
    private static final int FIRST_PART = 8;

    private static Icarl icarl(int capacity, int replayBatch, Icarl.Predictor predictor) {
        return new Icarl(new Icarl.Config(momentum(), capacity, replayBatch, predictor), schema(), rng());
    }

    private static DistilledReplay distilled(DistilledReplay.Correction correction, double heldOut, double ridge) {
        return new DistilledReplay(
                new DistilledReplay.Config(momentum(), 24, 8, 2, correction, heldOut, ridge), schema(), rng());
    }

    private static Gdumb gdumb(int capacity, int passes, int every) {
        NetConfig d = NetConfig.defaults();
        return new Gdumb(
                new Gdumb.Config(
                        new NetConfig(d.backbone(), OptimizerConfig.sgd(0.1, 0.9), false),
                        capacity,
                        passes,
                        4,
                        0.01,
                        every),
                schema(),
                rng());
    }

    private static GenerativeReplay generative(int replaySize) {
        return new GenerativeReplay(
                new GenerativeReplay.Config(
                        momentum(),
                        replaySize,
                        GenerativeReplay.Likelihood.AUTO,
                        List.of(32),
                        4,
                        OptimizerConfig.adam(3e-3)),
                schema(),
                rng());
    }

    private static double accuracy(Learner l) {
        Batch all = rows(IntStream.range(0, 60).toArray());
        int[] best = l.predict(all.inputs()).classes();
        long[] y = all.classIds();
        return IntStream.range(0, 60).filter(i -> best[i] == y[i]).count() / 60.0;
    }

    // ---- iCaRL

    @Test
    void oldColumnsAimAtWhatTheNetworkBeforeSaid() {
        Tensor scores = Tensors.of(new double[][] {{0, 0, 0}, {0, 0, 0}});
        Tensor before = Tensors.of(new double[][] {{Math.log(3), -Math.log(3)}, {0, Math.log(4)}});
        Tensor t = Icarl.targets(new int[] {2, 0}, scores, before, new int[] {0, 1});
        double[][] expected = {{0.75, 0.25, 1}, {0.5, 0.8, 0}};
        for (int i = 0; i < 2; i++) {
            assertThat(Tensors.rows(t)[i]).containsExactly(expected[i], within(1e-12));
        }
        // only column 1 is old: the others have the label
        assertThat(Tensors.rows(Icarl.targets(new int[] {2, 0}, scores, before, new int[] {1}))[1])
                .containsExactly(new double[] {1, 0.8, 0}, within(1e-12));
    }

    @Test
    void theLossIsAMeanOverRowsAndKnownColumns() {
        Tensor z = Tensors.of(new double[][] {{Math.log(3), 100, 0}});
        Tensor t = Tensors.of(new double[][] {{0.75, 0, 1}});
        double entropy = -0.75 * Math.log(0.75) - 0.25 * Math.log(0.25);
        assertThat(Icarl.loss(z, t, new int[] {0, 2}).item_double())
                .isCloseTo((entropy + Math.log(2)) / 2, within(1e-12));
        assertThat(Icarl.loss(z, t, new int[] {0, 1, 2}).item_double())
                .isCloseTo((entropy + 100 + Math.log(2)) / 3, within(1e-9));
    }

    @Test
    void exemplarsAreHerdedOnUnitFeaturesAndCutToTheirShare() {
        Icarl l = icarl(12, 4, Icarl.Predictor.NEAREST_MEAN);
        Run r = new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3));
        while (l.state().integer("exemplars.size") == 0) {
            r.advance();
        }
        // after the first part: six of each of two classes, in the order that herding gives
        Dataset first = (Dataset) part(0).train();
        long[] y = first.classIds();
        for (int half = 0; half < 2; half++) {
            int id = (int) Tensors.longs(l.state().tensor("exemplars.classIds"))[6 * half];
            int[] of = IntStream.range(0, y.length).filter(i -> y[i] == id).toArray();
            int[] chosen =
                    Herding.select(Exemplars.features(l.net(), first.rows(of).inputs()), 6);
            long[] ids = Arrays.stream(chosen).mapToLong(k -> first.id(of[k])).toArray();
            assertThat(Arrays.copyOfRange(Tensors.longs(l.state().tensor("exemplars.ids")), 6 * half, 6 * half + 6))
                    .isEqualTo(ids);
        }
        long[] before = Tensors.longs(l.state().tensor("exemplars.ids"));
        r.finish();
        // after three parts two of each, the first two of what they were
        long[] after = Tensors.longs(l.state().tensor("exemplars.ids"));
        assertThat(Arrays.copyOf(after, 4)).containsExactly(before[0], before[1], before[6], before[7]);
        assertThat(l.state().integer("exemplars.size")).isEqualTo(12);
    }

    @Test
    void theNearestMeanIsOfUnitFeaturesOfExemplars() {
        Icarl l = icarl(12, 4, Icarl.Predictor.NEAREST_MEAN);
        run(l, ALL);
        Inputs x = rows(3, 17, 44).inputs();
        Prediction p = l.predict(x);
        double[][] phi = Tensors.rows(Exemplars.features(l.net(), x));
        Tensor stored = l.state().tensor("exemplars.field.x");
        double[][] features = Tensors.rows(Exemplars.features(l.net(), Inputs.of(stored)));
        int[] y = Tensors.ints(l.state().tensor("exemplars.classIds"));
        for (int c = 0; c < p.columns().size(); c++) {
            int id = p.columns().columns().get(c).classId();
            double[] mean = new double[phi[0].length];
            for (int i = 0; i < y.length; i++) {
                for (int j = 0; y[i] == id && j < mean.length; j++) {
                    mean[j] += features[i][j];
                }
            }
            double length = Math.sqrt(Arrays.stream(mean).map(v -> v * v).sum());
            for (int i = 0; i < 3; i++) {
                double distance = 0;
                for (int j = 0; j < mean.length; j++) {
                    distance += Math.pow(phi[i][j] - mean[j] / length, 2);
                }
                assertThat(Tensors.rows(p.scores())[i][c]).isCloseTo(-distance, within(1e-5));
            }
        }
        assertThat(accuracy(l)).isGreaterThan(0.8);
        Icarl head = icarl(12, 4, Icarl.Predictor.HEAD);
        run(head, ALL);
        assertThat(head.state().child("net").sameAs(l.state().child("net"))).isTrue();
        assertThat(Tensors.bytes(head.predict(x).scores()))
                .isEqualTo(Tensors.bytes(l.net().predict(x).scores()));
    }

    /** With replayBatch 0 exemplars are part of the training set: each comes once in a pass over the part. */
    @Test
    void joinedExemplarsComeOnceAPass() {
        Icarl l = icarl(7, 0, Icarl.Predictor.HEAD);
        run(l, FIRST_PART + 1);
        assertThat(l.state().integer("exemplars.size")).isEqualTo(6);
        l.begin(part(1));
        Dataset second = (Dataset) part(1).train();
        for (int pass = 0; pass < 2; pass++) {
            long rows = 0;
            for (int from = 0; from < 20; from += 6) {
                int to = Math.min(20, from + 6);
                rows += l.learn(second.rows(IntStream.range(from, to).toArray()))
                        .rows();
            }
            assertThat(rows).isEqualTo(20 + 6);
        }
    }

    // ---- BiC and WA

    @Test
    void inTheFirstPartThereIsNothingToDistilOrToReplay() {
        assertSameNet(distilled(DistilledReplay.Correction.NONE, 0.1, 0), finetune(), FIRST_PART);
        assertSameNet(distilled(DistilledReplay.Correction.WEIGHT_ALIGN, 0.1, 0), finetune(), FIRST_PART);
        assertSameNet(generative(8), finetune(), FIRST_PART);
    }

    /** The state before and after the end of the second part. */
    private static State[] endOfSecondPart(Learner l) {
        Run r = new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3));
        State before = null;
        while (l.state().integer("parts") < 2) {
            before = l.state().copy();
            r.advance();
        }
        return new State[] {before, l.state()};
    }

    @Test
    void alignedNewRowsAreAsLongAsOldOnesOnAverage() {
        State[] s = endOfSecondPart(distilled(DistilledReplay.Correction.WEIGHT_ALIGN, 0.1, 0));
        double[][] before = Tensors.rows(s[0].tensor("net.model.head.weight"));
        double[][] after = Tensors.rows(s[1].tensor("net.model.head.weight"));
        double old = (norm(before[0]) + norm(before[1])) / 2;
        double factor = old / ((norm(before[2]) + norm(before[3])) / 2);
        assertThat(factor).isNotCloseTo(1, within(0.01));
        for (int c = 0; c < 4; c++) {
            for (int j = 0; j < before[c].length; j++) {
                assertThat(after[c][j]).isCloseTo((c < 2 ? 1 : factor) * before[c][j], within(1e-5));
            }
        }
        assertThat(Tensors.bytes(s[1].tensor("net.model.head.bias")))
                .isEqualTo(Tensors.bytes(s[0].tensor("net.model.head.bias")));
    }

    private static double norm(double[] row) {
        return Math.sqrt(Arrays.stream(row).map(v -> v * v).sum());
    }

    @Test
    void theBiasLayerIsFittedOnHeldOutRowsAndTakenIntoTheHead() {
        DistilledReplay l = distilled(DistilledReplay.Correction.BIAS_LAYER, 0.3, 1e-3);
        State[] s = endOfSecondPart(l);
        Set<Long> held = ids(s[1], "held");
        Set<Long> kept = ids(s[1], "memory");
        assertThat(held).isNotEmpty().doesNotContainAnyElementsOf(kept);
        // the network before the end, asked by another learner
        DistilledReplay asked = distilled(DistilledReplay.Correction.BIAS_LAYER, 0.3, 1e-3);
        asked.load(s[0]);
        Batch out = heldRows(s[1]);
        double[][] z = Tensors.rows(asked.net().predict(out.inputs()).scores());
        BiasCorrection fit = BiasCorrection.fit(
                z, asked.net().columns().columnsOf(out.classIds()), new boolean[] {false, false, true, true}, 1e-3);
        assertThat(fit.alpha()).isNotCloseTo(1, within(1e-3));
        double[][] corrected = Tensors.rows(l.predict(out.inputs()).scores());
        for (int i = 0; i < z.length; i++) {
            for (int c = 0; c < 4; c++) {
                assertThat(corrected[i][c])
                        .isCloseTo(c < 2 ? z[i][c] : fit.alpha() * z[i][c] + fit.beta(), within(1e-4));
            }
        }
    }

    private static Set<Long> ids(State s, String memory) {
        int n = (int) s.integer(memory + ".size");
        Set<Long> ids = new HashSet<>();
        for (int i = 0; i < n; i++) {
            ids.add(Tensors.longs(s.tensor(memory + ".ids"))[i]);
        }
        return ids;
    }

    private static Batch heldRows(State s) {
        return rows(ids(s, "held").stream().mapToInt(Long::intValue).sorted().toArray());
    }

    /** lambda = 2 / 4 in the second part: half the cross entropy and half the distillation. */
    @Test
    void aStepWeighsDistillationByTheShareOfOldClasses() {
        DistilledReplay l = distilled(DistilledReplay.Correction.NONE, 0.1, 0);
        run(l, FIRST_PART + 3);
        var report = l.learn(((Dataset) part(1).train()).rows(0, 1, 2, 3));
        Map<String, Double> terms = new HashMap<>();
        report.terms().forEach(t -> terms.put(t.name(), t.value()));
        assertThat(terms.get("distillation")).isPositive();
        assertThat(report.loss()).isCloseTo(0.5 * terms.get("task") + 0.5 * terms.get("distillation"), within(1e-6));
    }

    // ---- GDumb

    @Test
    void theScheduleWarmsUpAndRestarts() {
        Gdumb.WarmRestarts s = new Gdumb.WarmRestarts(3, 0.01);
        double[] passes = IntStream.range(0, 9).mapToDouble(p -> s.at(3L * p)).toArray();
        double half = 0.01 + 0.99 / 2;
        double early = 0.01 + 0.99 * (1 + Math.sqrt(0.5)) / 2;
        double late = 0.01 + 0.99 * (1 - Math.sqrt(0.5)) / 2;
        assertThat(passes).containsExactly(new double[] {0.1, 1, 1, half, 1, early, half, late, 1}, within(1e-12));
        assertThat(s.at(5)).isEqualTo(s.at(3));
    }

    @Test
    void gdumbLearnsFromItsMemoryAlone() {
        Gdumb l = gdumb(12, 16, 0);
        run(l, ALL);
        int[] y = Tensors.ints(l.state().tensor("memory.classIds"));
        for (int c = 0; c < 6; c++) {
            int id = c;
            assertThat(Arrays.stream(y).filter(k -> k == id).count()).isEqualTo(2);
        }
        assertThat(accuracy(l)).isGreaterThan(0.8);
        // another network on the same memory has the same bits, whatever the stream was
        Gdumb other = gdumb(12, 16, 0);
        other.load(l.state());
        l.end(part(0));
        other.end(part(2));
        assertThat(other.state().sameAs(l.state())).isTrue();
        assertThatThrownBy(() -> gdumb(12, 2, 0).end(part(0))).hasMessageContaining("before any of its rows");
    }

    @Test
    void gdumbWithoutBoundariesTrainsEverySoManyBatches() {
        Gdumb l = gdumb(12, 2, 3);
        for (int i = 0; i < 7; i++) {
            l.learn(rows(6 * i, 6 * i + 1));
            assertThat(l.state().integer("trainings")).isEqualTo(1 + i / 3);
        }
        assertThat(Tensors.finite(l.predict(rows(0, 5).inputs()).scores())).isTrue();
    }

    // ---- generative replay

    @Test
    void dreamsWeighAsMuchAsThePartsBefore() {
        GenerativeReplay l = generative(8);
        assertThatThrownBy(() -> l.generate(3)).hasMessageContaining("first part");
        run(l, FIRST_PART + 2);
        Batch b = ((Dataset) part(1).train()).rows(0, 1, 2, 3);
        Batch dreams = l.generate(8);
        var net = l.net();
        double real = net.crossEntropy(net.scores(b.inputs(), net.pass()), b).item_double();
        double dreamt = net.crossEntropy(net.scores(dreams.inputs(), net.pass()), dreams)
                .item_double();
        var report = l.learn(b);
        assertThat(report.loss()).isCloseTo(0.5 * real + 0.5 * dreamt, within(1e-6));
        assertThat(report.rows()).isEqualTo(12);
        // the solver of the first part knows its two classes only
        assertThat(Arrays.stream(dreams.classIds()).boxed().toList()).isSubsetOf(classesOfTheFirstPart());
    }

    private static List<Long> classesOfTheFirstPart() {
        return part(0).classes().columns().stream().map(c -> (long) c.classId()).toList();
    }

    /** Rows far from zero: standardised by the first part, generated rows come back to where the data are. */
    @Test
    void generatedRowsAreInTheUnitsOfTheData() {
        GenerativeReplay l = generative(8);
        for (int i = 0; i < 400; i++) {
            try (Scope s = Scope.open()) {
                l.learn(shifted(i));
            }
        }
        l.end(part(0));
        double[] x = Tensors.doubles(l.generate(200).inputs().x());
        double mean = Arrays.stream(x).average().orElseThrow();
        double expected = Arrays.stream(Tensors.doubles(shifted(0).inputs().x()))
                .average()
                .orElseThrow();
        assertThat(mean).isCloseTo(expected, within(25.0));
    }

    private static Batch shifted(int i) {
        Batch b = rows(IntStream.range(0, 30).toArray());
        return b.withInputs(Inputs.of(b.inputs().x().mul(Tensors.scalar(50)).add(Tensors.scalar(1000))));
    }

    @Test
    void pixelsOutsideTheirRangeAreRefused() {
        GenerativeReplay l = new GenerativeReplay(
                new GenerativeReplay.Config(
                        momentum(),
                        0,
                        GenerativeReplay.Likelihood.BERNOULLI,
                        List.of(8),
                        2,
                        OptimizerConfig.adam(1e-3)),
                schema(),
                rng());
        State before = l.state().copy();
        assertThatThrownBy(() -> l.learn(rows(0, 1)))
                .hasMessageContaining("[0, 1]")
                .hasMessageContaining("GAUSSIAN");
        assertThat(l.state().sameAs(before)).isTrue();
        before.tensors().values().forEach(Tensor::close);
    }

    @Test
    void configurationsThatMakeNoSenseAreRefused() {
        assertThatThrownBy(() -> icarl(0, 4, Icarl.Predictor.HEAD)).hasMessageContaining("capacity");
        assertThatThrownBy(() -> distilled(DistilledReplay.Correction.BIAS_LAYER, 1, 0))
                .hasMessageContaining("heldOut");
        assertThatThrownBy(() -> DistilledReplay.Config.of(momentum(), 1, 4, DistilledReplay.Correction.BIAS_LAYER))
                .hasMessageContaining("capacity must be >= 2");
        assertThatThrownBy(() -> gdumb(4, 0, 0)).hasMessageContaining("passes");
        assertThatThrownBy(() -> generative(-1)).hasMessageContaining("replaySize");
    }
}
