package dev.holdfast.learner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.AnchoredLearner;
import dev.holdfast.learner.regularize.Lwf;
import dev.holdfast.learner.replay.AveragedGem;
import dev.holdfast.learner.replay.DarkReplay;
import dev.holdfast.learner.replay.ExperienceReplay;
import dev.holdfast.learner.replay.Store;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.penalty.Importance;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Settings in which a learner becomes a simpler one: the same network, to the bit. */
@ExtendWith(NativeMemory.class)
class LimitsTest {
    private static final int CLASSES = 6;

    /** More steps than any run here has. */
    private static final int ALL = 1000;

    private static MemoryDataset data() {
        return Clouds.of(CLASSES, 10, 5, 1, "train");
    }

    private static Scenario scenario() {
        return ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.SEEDED, false, Dealing.offline(2, 6)),
                data(),
                data(),
                Rng.of(2));
    }

    private static NetConfig adam() {
        return NetConfig.defaults();
    }

    private static NetConfig momentum() {
        NetConfig d = NetConfig.defaults();
        return new NetConfig(d.backbone(), OptimizerConfig.sgd(0.05, 0.9), d.allClassesFromStart());
    }

    private static Rng rng() {
        return Rng.of(9).child("learner");
    }

    private static State net(Learner l) {
        return l.state().child("net");
    }

    /** The network after all parts, or after some steps. */
    private static void assertSameAsFinetuning(Learner l, NetConfig net, int steps) {
        Finetune plain = new Finetune(Finetune.Config.of(net), data().schema(), rng());
        for (Learner each : List.of(plain, l)) {
            Run r = new Run(each, scenario(), List.of(), new MetricLog(), Rng.of(3));
            for (int i = 0; i < steps; i++) {
                r.advance();
            }
        }
        assertThat(net(l).sameAs(net(plain))).isTrue();
    }

    static Stream<Arguments> withoutWeight() {
        return Stream.of(
                Arguments.of("EWC, lambda 0", learner((s, r) -> new AnchoredLearner.EwcPlugin()
                        .create(new AnchoredLearner.EwcConfig(momentum(), Anchored.Config.onlineEwc(0, 1)), s, r))),
                Arguments.of("SI, c 0", learner((s, r) -> new AnchoredLearner.SiPlugin()
                        .create(new AnchoredLearner.SiConfig(momentum(), 0, 0.1, true), s, r))),
                Arguments.of("LwF, alpha 0", learner((s, r) -> new Lwf(Lwf.Config.of(momentum(), 0, 2), s, r))),
                Arguments.of(
                        "DER, alpha 0",
                        learner((s, r) -> new DarkReplay(new DarkReplay.Config(momentum(), 20, 8, 0, 0), s, r))));
    }

    private static BiFunction<Schema, Rng, Learner> learner(BiFunction<Schema, Rng, Learner> l) {
        return l;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("withoutWeight")
    void withoutItsTermALearnerIsFinetuning(String name, BiFunction<Schema, Rng, Learner> make) {
        assertSameAsFinetuning(make.apply(data().schema(), rng()), momentum(), ALL);
    }

    /** Anchors, teachers and memories of finished parts are empty before the first end. */
    @Test
    void inTheFirstPartThereIsNothingToHoldOnTo() {
        int first = 8;
        Schema s = data().schema();
        assertSameAsFinetuning(
                new AnchoredLearner.EwcPlugin()
                        .create(new AnchoredLearner.EwcConfig(momentum(), Anchored.Config.onlineEwc(1e4, 1)), s, rng()),
                momentum(),
                first);
        assertSameAsFinetuning(
                new AnchoredLearner.SiPlugin()
                        .create(new AnchoredLearner.SiConfig(momentum(), 1e4, 0.1, true), s, rng()),
                momentum(),
                first);
        assertSameAsFinetuning(new Lwf(Lwf.Config.of(adam(), 100, 2), s, rng()), adam(), first);
        assertSameAsFinetuning(new AveragedGem(new AveragedGem.Config(adam(), 20, 10, 8), s, rng()), adam(), first);
    }

    /** ER and DER++ remember from the first batch on, so only the first step is plain. */
    @Test
    void anEmptyMemoryAddsNothing() {
        Schema s = data().schema();
        assertSameAsFinetuning(
                new ExperienceReplay(ExperienceReplay.Config.of(adam(), 20, 8, Store.RESERVOIR), s, rng()), adam(), 1);
        assertSameAsFinetuning(new DarkReplay(new DarkReplay.Config(adam(), 20, 8, 1, 1), s, rng()), adam(), 1);
    }

    @Test
    void afterThatTheyDoDiffer() {
        Schema s = data().schema();
        Learner er = new ExperienceReplay(ExperienceReplay.Config.of(adam(), 20, 8, Store.RESERVOIR), s, rng());
        Learner plain = new Finetune(Finetune.Config.of(adam()), s, rng());
        for (Learner l : List.of(er, plain)) {
            new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3)).finish();
        }
        assertThat(net(er).sameAs(net(plain))).isFalse();
    }

    /** DER++ with alpha = 0 = ER with separate means: cross entropy of the stream + beta * that of a draw. */
    @Test
    void derPlusPlusWithoutLogitsIsReplayWithSeparateMeans() {
        Schema s = data().schema();
        DarkReplay der = new DarkReplay(new DarkReplay.Config(momentum(), 15, 7, 0, 0.5), s, rng());
        Net net = new Net(momentum(), s, rng().child("net"));
        ReplayBuffer memory = ReplayBuffer.reservoir(15, rng().child("memory"));
        for (int step = 0; step < 12; step++) {
            try (Scope scope = Scope.open()) {
                int from = step * 5 % 55;
                Batch b = data().rows(IntStream.range(from, from + 5).toArray());
                der.learn(b);
                net.admit(b);
                Tensor logits = net.scores(b.inputs(), net.pass());
                Tensor loss = net.crossEntropy(logits, b);
                if (memory.size() > 0) {
                    Drawn past = memory.draw(7, net.draws("labels"));
                    Tensor now = net.scores(past.batch().inputs(), net.pass());
                    loss = loss.add(net.crossEntropy(now, past.batch()).mul(Tensors.scalar(0.5)));
                }
                net.descend(loss);
                memory.offer(b, Map.of("logits", logits));
            }
        }
        assertThat(net(der).sameAs(net.state())).isTrue();
        assertThat(der.state().child("memory").sameAs(memory.state())).isTrue();
    }

    /** With every row in one batch and a memory of its twin, two equal halves weigh like one. */
    @Test
    void erWithOneMeanWeighsEveryRowAlike() {
        Schema s = data().schema();
        ExperienceReplay er =
                new ExperienceReplay(ExperienceReplay.Config.of(momentum(), 6, 6, Store.RESERVOIR), s, rng());
        Net net = new Net(momentum(), s, rng().child("net"));
        Batch first = data().rows(0, 1, 2, 3, 4, 5);
        Batch second = data().rows(6, 7, 8);
        er.learn(first);
        double loss = er.learn(second).loss();
        net.admit(first);
        net.descend(net.crossEntropy(net.scores(first.inputs(), net.pass()), first));
        double stream = net.crossEntropy(net.scores(second.inputs(), net.pass()), second)
                .item_double();
        double past =
                net.crossEntropy(net.scores(first.inputs(), net.pass()), first).item_double();
        assertThat(loss).isCloseTo((3 * stream + 6 * past) / 9, within(1e-6));
    }

    /** A-GEM whose memory holds the very rows of the stream has an aligned reference: nothing is turned. */
    @Test
    void anAlignedReferenceLeavesTheGradientAlone() {
        Schema s = data().schema();
        AveragedGem agem = new AveragedGem(new AveragedGem.Config(momentum(), 6, 6, 6), s, rng());
        Finetune plain = new Finetune(Finetune.Config.of(momentum()), s, rng());
        Batch b = data().rows(0, 1, 2, 3, 4, 5);
        for (Learner l : List.of(agem, plain)) {
            l.learn(b);
            l.end(scenario().experiences().get(0));
            for (int i = 0; i < 5; i++) {
                l.learn(b);
            }
        }
        assertThat(net(agem).sameAs(net(plain))).isTrue();
    }

    /** To first order no A-GEM step raises the loss on what was drawn; a plain step does here. */
    @Test
    void aGemDoesNotRaiseTheRememberedLoss() {
        NetConfig tiny = new NetConfig(
                NetConfig.defaults().backbone(),
                OptimizerConfig.sgd(1e-4),
                NetConfig.defaults().allClassesFromStart());
        Schema s = data().schema();
        Batch old = data().rows(IntStream.range(0, 60).filter(i -> i % 6 < 2).toArray());
        Batch fresh = data().rows(IntStream.range(0, 60).filter(i -> i % 6 == 2).toArray());
        // equal rows under another label: learning them must hurt the old ones
        Batch clash = new Batch(
                data().rows(IntStream.range(0, 60).filter(i -> i % 6 == 0).toArray())
                        .inputs(),
                fresh.target(),
                fresh.rows());
        double[] rise = new double[2];
        AveragedGem agem = new AveragedGem(new AveragedGem.Config(tiny, 20, 20, 20), s, rng());
        Finetune plain = new Finetune(Finetune.Config.of(tiny), s, rng());
        for (int which = 0; which < 2; which++) {
            Learner l = which == 0 ? agem : plain;
            for (int i = 0; i < 20; i++) {
                l.learn(old);
            }
            l.end(scenario().experiences().get(0));
            // all twenty rows are drawn, so the reference is the gradient of this very loss
            l.learn(fresh);
            double before = loss((Differentiable) l, old);
            l.learn(clash);
            rise[which] = loss((Differentiable) l, old) - before;
        }
        assertThat(rise[1]).isPositive();
        assertThat(rise[0]).isLessThan(rise[1] / 20);
    }

    private static double loss(Differentiable l, Batch b) {
        return l.objective(data()).at(b).total(null).item_double();
    }

    @ParameterizedTest
    @EnumSource(Importance.class)
    void importancesOfANetworkAreNeverNegative(Importance importance) {
        Schema s = data().schema();
        Learner l = new AnchoredLearner.EwcPlugin()
                .create(
                        new AnchoredLearner.EwcConfig(
                                adam(), new Anchored.Config(importance, Anchored.Accumulate.ONLINE, 1, 1, true, 0)),
                        s,
                        rng());
        new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3)).finish();
        State anchors = l.state().child("penalty.anchor0.importance");
        assertThat(anchors.tensors()).hasSizeGreaterThan(3);
        double all = 0;
        for (Tensor t : anchors.tensors().values()) {
            assertThat(t.min().item_double()).isNotNegative();
            all += t.sum().item_double();
        }
        assertThat(all).isPositive();
    }
}
