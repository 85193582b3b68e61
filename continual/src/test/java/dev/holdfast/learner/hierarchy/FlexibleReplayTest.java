package dev.holdfast.learner.hierarchy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.CutMix;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.evaluate.LevelScores;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.replay.ExperienceReplay;
import dev.holdfast.learner.replay.Store;
import dev.holdfast.memory.ImportanceMemory;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.schedule.AdaptivePair;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.HierarchicalStream;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Flexible replay: the adapting rate against golden vectors, its limits, and streams whose labels get finer. */
@ExtendWith(NativeMemory.class)
class FlexibleReplayTest {
    private static final Taxonomy TREE = LabelTrees.parse("six", "a,\nb,\nc,\n0,a\n1,a\n2,b\n3,b\n4,c\n5,c\n");
    private static final NetConfig NET =
            new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 32), OptimizerConfig.adam(3e-3), false);

    /** The other kinds are compared by {@code LevelPartsTest} and {@code BlurryTest}. */
    private static final Set<String> ELSEWHERE =
            Set.of("fms", "importance-memory", "multi-level-loss", "i-blurry-split", "anytime-metrics");

    static Stream<GoldenCase> cases() {
        return Golden.cases("50-hle").filter(c -> !ELSEWHERE.contains(c.kind()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithTheGoldenRates(GoldenCase c) {
        if (!c.kind().equals("adaptive-lr")) {
            c.failOnKind();
        }
        var p = c.input("params");
        AdaptiveRate rate = new AdaptiveRate(
                new AdaptiveRate.Config(
                        true,
                        new AdaptivePair.Config(
                                p.get("step").asDouble(), p.get("length").asInt(), c.number("significance")),
                        p.get("period").asInt(),
                        c.integer("warmup")),
                5);
        double[][] losses = c.matrix("memoryLosses");
        double[] lr = new double[losses.length];
        for (int i = 0; i < lr.length; i++) {
            rate.observe(losses[i], new long[] {0, 1, 2, 3, 4});
            lr[i] = p.get("lr").asDouble() * rate.factor().at(i);
        }
        c.assertOutput("lr", lr);
        c.assertAllCompared();
    }

    /** Replaced entries do not count, and falls without any spread decide nothing. */
    @Test
    void aRateStandsStillWithoutEvidence() {
        AdaptiveRate rate = new AdaptiveRate(new AdaptiveRate.Config(true, AdaptivePair.Config.defaults(), 1, 0), 2);
        for (int i = 0; i < 60; i++) {
            // one entry is replaced all the time, the other falls evenly
            rate.observe(new double[] {100 - i, i * 37 % 11}, new long[] {0, 1 + i});
        }
        assertThat(Set.of(rate.factor().at(0))).isSubsetOf(Set.of(1.0, 0.95));
        AdaptiveRate copy = new AdaptiveRate(new AdaptiveRate.Config(true, AdaptivePair.Config.defaults(), 1, 0), 2);
        copy.load(rate.state());
        assertThat(copy.factor().at(0)).isEqualTo(rate.factor().at(0));
        assertThat(copy.factor().phase(0)).isEqualTo(rate.factor().phase(0));
    }

    private static Scenario stream(HierarchicalStream.Expansion e) {
        MemoryDataset train = Clouds.of(6, 60, 8, 2, "train");
        MemoryDataset test = Clouds.of(6, 20, 8, 2, "test");
        return HierarchicalStream.of(
                new HierarchicalStream.Config(e, 0, 3, ClassIncremental.Order.NATURAL, new Dealing(1, 8, true, false)),
                TREE,
                train,
                test,
                Rng.of(1));
    }

    private static <C extends Record> LevelScores scores(LearnerPlugin<C> p, C config, Scenario s) {
        Trial.Result r = Trial.run(p, config, s, 1, new Trial.Options(5, 50), () -> false, (a, b) -> {});
        assertThat(r.status()).as(r.message()).isEqualTo(Trial.Status.DONE);
        return r.levels();
    }

    @Test
    void everyLevelIsLearntAndScored() {
        for (HierarchicalStream.Expansion e : HierarchicalStream.Expansion.values()) {
            Scenario s = stream(e);
            LevelScores l = scores(
                    new PlFmsPlugin(), FlexibleReplay.Config.plFms(NET, 60).over(1, 0), s);
            assertThat(l.levels()).extracting(LevelScores.Level::classes).containsExactly(3, 6);
            assertThat(l.levels()).allSatisfy(h -> {
                assertThat(h.last()).isGreaterThan(0.6);
                assertThat(h.areaUnderCurve()).isBetween(0.3, 1.0);
                assertThat(h.average()).isBetween(0.3, 1.0);
            });
            assertThat(l.consistency()).isGreaterThan(0.6);
        }
    }

    /** A learner that knows nothing of levels is served by the loss, which gives each level a softmax of its own. */
    @Test
    void flatLearnersServeHierarchiesUnchanged() {
        LevelScores er = scores(
                new ExperienceReplay.Plugin(),
                ExperienceReplay.Config.of(NET, 100, 16, Store.CLASS_BALANCED),
                stream(HierarchicalStream.Expansion.DUAL));
        assertThat(er.levels()).allSatisfy(h -> assertThat(h.last()).isGreaterThan(0.5));
    }

    private static State learnt(FlexibleReplay.Config config, Scenario s) {
        try (Scope all = Scope.open();
                FlexibleReplay l = new FlexibleReplay(config, s.schema(), Rng.of(3))) {
            new Run(l, s, List.of(), new MetricLog(), Rng.of(4)).finish();
            State state = l.state().child("net");
            State copy = new State();
            state.tensors().forEach((k, t) -> copy.put(k, Scope.own(Tensors.copy(t))));
            return copy;
        }
    }

    private static void assertSame(State a, State b, boolean same) {
        boolean equal = a.tensors().keySet().equals(b.tensors().keySet());
        for (String k : a.tensors().keySet()) {
            equal = equal && Arrays.equals(Tensors.doubles(a.tensor(k)), Tensors.doubles(b.tensor(k)));
        }
        assertThat(equal).isEqualTo(same);
        a.tensors().values().forEach(Tensor::close);
        b.tensors().values().forEach(Tensor::close);
    }

    private static Scenario flat() {
        MemoryDataset d = Clouds.of(3, 40, 4, 2, "train");
        return Joint.of(new Dealing(1, 8, false, true), d, d);
    }

    /** Without a rate of its own for new classes the filter lets everything through, and on one level nobody is asked. */
    @Test
    void itsPartsAreIdleInTheirLimits() {
        FlexibleReplay.Config c = FlexibleReplay.Config.plFms(NET, 30).over(1, 1);
        UnaryOperator<FlexibleReplay.Config> all = k -> k.withStream(FlexibleReplay.StreamRows.ALL);
        UnaryOperator<FlexibleReplay.Config> off =
                k -> k.withImportance(new ImportanceMemory.Config(0.9, ImportanceMemory.Pseudo.OFF, true));
        Scenario s = flat();
        assertSame(learnt(off.apply(c), s), learnt(c, s), true);
        assertSame(
                learnt(FlexibleReplay.Config.clib(NET, 30), s),
                learnt(all.apply(c).over(0.25, 0), s),
                false);
        assertThat(off.apply(c)
                        .withStream(FlexibleReplay.StreamRows.NONE)
                        .withImportance(ImportanceMemory.Config.flat()))
                .isEqualTo(FlexibleReplay.Config.clib(NET, 30).over(1, 1));
    }

    @Test
    void aGrowingHeadLeavesOldScoresAlone() {
        Scenario s = stream(HierarchicalStream.Expansion.DUAL);
        try (Scope all = Scope.open();
                FlexibleReplay l = new FlexibleReplay(FlexibleReplay.Config.plFms(NET, 20), s.schema(), Rng.of(1))) {
            Batch coarse = rows(s, 0);
            l.learn(coarse);
            double[][] before = Tensors.rows(l.predict(coarse.inputs()).scores());
            l.net().admit(rows(s, 1));
            double[][] after = Tensors.rows(l.predict(coarse.inputs()).scores());
            assertThat(after[0].length).isGreaterThan(before[0].length);
            for (int i = 0; i < before.length; i++) {
                assertThat(Arrays.copyOf(after[i], before[i].length)).containsExactly(before[i], within(1e-6));
            }
        }
    }

    private static Batch rows(Scenario s, int part) {
        return s.experiences()
                .get(part)
                .train()
                .batches(s.experiences().get(part).pace(), Rng.of(2))
                .next();
    }

    @Test
    void aMemorySmallerThanTheClassesIsSaid() {
        Scenario s = stream(HierarchicalStream.Expansion.DUAL);
        try (Scope all = Scope.open();
                FlexibleReplay l = new FlexibleReplay(FlexibleReplay.Config.plFms(NET, 4), s.schema(), Rng.of(1))) {
            StepReport first = l.learn(rows(s, 0));
            assertThat(first.events()).anySatisfy(e -> assertThat(e.what()).contains("room for 4 rows"));
            assertThat(l.learn(rows(s, 1)).events()).isEmpty();
            assertThat(l.memory().size()).isEqualTo(4);
        }
    }

    /** Sure labels at the other level count, unsure ones and the row's own level do not. */
    @Test
    void pseudoLabelsAreThoseOfOtherLevels() {
        try (Scope all = Scope.open()) {
            ClassIndex columns = ClassIndex.of(List.of(
                    new ClassIndex.Column(0, "a", 0, -1),
                    new ClassIndex.Column(1, "b", 0, -1),
                    new ClassIndex.Column(2, "c", 1, -1),
                    new ClassIndex.Column(3, "d", 1, -1)));
            Tensor scores = Tensors.of(new double[][] {{9, 0, 0, Math.log(4)}, {0, 0.1, 5, 0}});
            double sure = -Math.log(0.8);
            assertThat(PseudoLabels.loss(scores, new long[] {0, 2}, columns, 0.75)
                            .item_double())
                    .isCloseTo(sure / 2, within(1e-9));
            assertThat(PseudoLabels.loss(scores, new long[] {0, 2}, columns, 0.85)
                            .item_double())
                    .isZero();
        }
    }

    @Test
    void cutMixKeepsTargetsOnTheirLevel() {
        try (Scope all = Scope.open()) {
            ClassIndex columns = ClassIndex.of(List.of(
                    new ClassIndex.Column(0, "a", 0, -1),
                    new ClassIndex.Column(1, "b", 1, -1),
                    new ClassIndex.Column(2, "c", 1, -1)));
            Tensor x = Rng.of(1).uniform(3, 1, 6, 6);
            Batch b = new Batch(Inputs.of(x), Target.ClassIds.of(0, 1, 2), Rows.of(0, 1, 2));
            CutMix mix = new CutMix(1, columns);
            for (int i = 0; i < 20; i++) {
                Batch m = mix.apply(b, Rng.of(i));
                double[][] y = Tensors.rows(((Target.Soft) m.target()).p());
                assertThat(y[0]).containsExactly(1, 0, 0);
                assertThat(y[1][1] + y[1][2]).isCloseTo(1, within(1e-12));
            }
            Batch cut = mix.apply(b, new CutMix.Box(0, 3, 0, 6), new int[] {0, 2, 1});
            assertThat(Tensors.rows(((Target.Soft) cut.target()).p())[1]).containsExactly(0, 0.5, 0.5);
            double[] one = Tensors.doubles(cut.inputs().x());
            double[] was = Tensors.doubles(x);
            assertThat(Arrays.copyOfRange(one, 36, 54)).containsExactly(Arrays.copyOfRange(was, 72, 90), within(1e-6));
            assertThat(Arrays.copyOfRange(one, 54, 72)).containsExactly(Arrays.copyOfRange(was, 54, 72));
        }
    }

    @Test
    void nonsenseIsRefused() {
        FlexibleReplay.Config c = FlexibleReplay.Config.plFms(NET, 10);
        assertThatThrownBy(() -> FlexibleReplay.Config.plFms(NET, 0)).hasMessageContaining("capacity");
        assertThatThrownBy(() -> c.over(0, 0)).hasMessageContaining("iterations");
        assertThatThrownBy(() -> c.over(1, -1)).hasMessageContaining("expected");
        Schema vectors = Clouds.of(2, 2, 2, 1, "train").schema();
        assertThatThrownBy(() -> new FlexibleReplay(c.shifted(2), vectors, Rng.of(1)))
                .hasMessageContaining("change images");
        assertThatThrownBy(() -> new AdaptiveRate.Config(true, AdaptivePair.Config.defaults(), 0, 0))
                .hasMessageContaining("period");
        assertThatThrownBy(() -> new AdaptivePair.Config(1, 10, 0.05)).hasMessageContaining("step");
    }
}
