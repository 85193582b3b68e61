package dev.holdfast.learner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.GradientProbe;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.SplitsGradient.Split;
import dev.holdfast.learner.SplitsGradient.Stability;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.AnchoredLearner;
import dev.holdfast.learner.regularize.Lwf;
import dev.holdfast.learner.replay.AveragedGem;
import dev.holdfast.learner.replay.EpisodicGem;
import dev.holdfast.learner.replay.ExperienceReplay;
import dev.holdfast.learner.replay.Store;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a learner says about its next gradient is what it does, and saying it changes nothing. */
@ExtendWith(NativeMemory.class)
class SplitGradientTest {
    private static final MemoryDataset DATA = Clouds.of(6, 12, 5, 1, "train");

    private static Scenario scenario() {
        return ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(2, 6)),
                DATA,
                DATA,
                Rng.of(2));
    }

    /** Plain SGD at rate 1: the move is the gradient. */
    private static NetConfig net(boolean allClasses) {
        return new NetConfig(NetConfig.defaults().backbone(), OptimizerConfig.sgd(0.1), allClasses);
    }

    private static Rng rng() {
        return Rng.of(9).child("learner");
    }

    private static ExperienceReplay er(ExperienceReplay.Config c) {
        return new ExperienceReplay(c, DATA.schema(), rng());
    }

    private static Lwf lwf(boolean all, Lwf.Over over, boolean free) {
        return new Lwf(
                new Lwf.Config(net(all), 3, 2, dev.holdfast.distill.SoftLogits.Form.KL, over, free),
                DATA.schema(),
                rng());
    }

    private static AnchoredLearner ewc(boolean all) {
        return new AnchoredLearner.EwcPlugin()
                .create(
                        new AnchoredLearner.EwcConfig(net(all), Anchored.Config.averagedEwc(20, 6)),
                        DATA.schema(),
                        rng());
    }

    static Stream<Arguments> learners() {
        return Stream.of(true, false)
                .flatMap(all -> Stream.of(
                        named("finetune", all, () -> new Finetune(Finetune.Config.of(net(all)), DATA.schema(), rng())),
                        named(
                                "finetune with a loss that remembers",
                                all,
                                () -> new Finetune(
                                        new Finetune.Config(net(all), new EarlyLearning.Config()),
                                        DATA.schema(),
                                        rng())),
                        named("er", all, () -> er(ExperienceReplay.Config.of(net(all), 20, 8, Store.RESERVOIR))),
                        named("er mixed", all, () -> er(ExperienceReplay.Config.mixed(net(all), 20, 0.3))),
                        named(
                                "gem",
                                all,
                                () -> new EpisodicGem(EpisodicGem.Config.of(net(all), 7), DATA.schema(), rng())),
                        named(
                                "agem",
                                all,
                                () -> new AveragedGem(
                                        new AveragedGem.Config(net(all), 20, 8, 8), DATA.schema(), rng())),
                        named("lwf", all, () -> lwf(all, Lwf.Over.OLD_ONLY, false)),
                        named("lwf sliced", all, () -> lwf(all, Lwf.Over.SLICED, true)),
                        named("ewc", all, () -> ewc(all))));
    }

    private static Arguments named(String name, boolean all, Supplier<Learner> make) {
        return Arguments.of(name + (all ? "" : ", columns as classes come"), make);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("learners")
    void thePartsAddUpToTheStepAndNothingMoves(String name, Supplier<Learner> make) {
        Learner l = make.get();
        Learner untouched = make.get();
        boolean held = false;
        for (Experience e : scenario().experiences()) {
            l.begin(e);
            untouched.begin(e);
            var batches = e.train().batches(e.pace(), Rng.of(3).child("data", e.index()));
            while (batches.hasNext()) {
                try (Scope s = Scope.open()) {
                    Batch b = batches.next().withTask(e.task());
                    Split split = ((SplitsGradient) l).split(b);
                    held |= split.stability().norm() > 0;
                    double size = split.sum().norm();
                    Map<String, Tensor> before = weights(l);
                    l.learn(b);
                    untouched.learn(b);
                    // w' = w - 0.1 g
                    for (int i = 0; i < split.sum().size(); i++) {
                        String leaf = split.sum().of().meta().get(i).name();
                        Tensor was = before.get(leaf);
                        Tensor now = weights(l).get(leaf);
                        Tensor g = split.sum().get(i);
                        if (g == null || was.size(0) != now.size(0)) {
                            continue;
                        }
                        double off = now.sub(was)
                                .div(dev.holdfast.tensor.Tensors.scalar(-0.1))
                                .sub(g)
                                .abs()
                                .max()
                                .item_double();
                        assertThat(off).as(name + ", " + leaf).isLessThan(1e-5 * (1 + size));
                    }
                }
            }
            l.end(e);
            untouched.end(e);
        }
        assertThat(l.state().sameAs(untouched.state())).isTrue();
        assertThat(held).as("something held on").isEqualTo(!name.startsWith("finetune"));
    }

    private static Map<String, Tensor> weights(Learner l) {
        Map<String, Tensor> w = new java.util.TreeMap<>();
        var p = ((NetLearner) l).net().parameters();
        for (int i = 0; i < p.size(); i++) {
            w.put(p.meta().get(i).name(), p.get(i).detach().clone());
        }
        return w;
    }

    /** The anchor is where the weights stand, and the teacher says what the network says. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingHoldsOnAtTheFirstStepOfATask(boolean allClasses) {
        for (Learner l : List.of(
                ewc(allClasses), lwf(allClasses, Lwf.Over.SLICED, true), lwf(allClasses, Lwf.Over.OLD_ONLY, true))) {
            MetricLog log = new MetricLog();
            new Run(l, scenario(), List.of(new GradientProbe(1)), log, Rng.of(3)).finish();
            List<MetricLog.Entry> norms = log.of(GradientProbe.STABILITY);
            // two parts x two epochs x four batches
            assertThat(norms).hasSize(24);
            assertThat(norms.get(8).value()).isZero();
            assertThat(norms.get(16).value()).isZero();
            assertThat(norms.get(9).value()).isPositive();
            assertThat(norms.get(23).value()).isPositive();
            assertThat(log.of(GradientProbe.COSINE).get(8).value()).isNaN();
        }
    }

    @Test
    void withAllItsWeightOnNewRowsReplayIsFinetuning() {
        Learner er = er(ExperienceReplay.Config.mixed(net(true), 20, 1));
        Learner plain = new Finetune(Finetune.Config.of(net(true)), DATA.schema(), rng());
        for (Learner l : List.of(er, plain)) {
            new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3)).finish();
        }
        assertThat(er.state().child("net").sameAs(plain.state().child("net"))).isTrue();
    }

    /** a * mean over new rows + (1 - a) * mean over drawn ones, whatever their numbers. */
    @Test
    void replayWithTwoMeansWeighsTheMeansNotTheRows() {
        ExperienceReplay er = er(ExperienceReplay.Config.mixed(net(true), 20, 0.3));
        Net net = new Net(net(true), DATA.schema(), rng().child("net"));
        Experience first = scenario().experiences().get(0);
        Batch b = DATA.rows(2, 3, 8);
        // the factor also acts while nothing is drawn
        Batch a = DATA.rows(0, 1, 6, 7);
        double alone = net.crossEntropy(net.scores(a.inputs(), net.pass()), a).item_double();
        assertThat(er.learn(a).loss()).isCloseTo(0.3 * alone, within(1e-6));
        net.admit(a);
        net.descend(Autograd.grad(net.crossEntropy(net.scores(a.inputs(), net.pass()), a), net.parameters(), false)
                .times(0.3));
        er.end(first);

        ReplayBuffer memory = new ReplayBuffer(
                20,
                new dev.holdfast.memory.ClassBalanced(20),
                dev.holdfast.memory.DrawPolicy.balanced(),
                rng().child("memory"));
        memory.offer(
                first.train()
                        .batches(dev.holdfast.data.Pace.inOrder(1000), Rng.of(0))
                        .next()
                        .withTask(0),
                Map.of());
        assertThat(er.state().child("memory").sameAs(memory.state())).isTrue();
        Drawn past = memory.draw(3, net.draws("replay"));
        Split split = er.split(b);
        ParamVector fresh = Autograd.grad(
                        net.crossEntropy(net.scores(b.inputs(), net.pass()), b), net.parameters(), false)
                .times(0.3);
        ParamVector held = Autograd.grad(
                        net.crossEntropy(net.scores(past.batch().inputs(), net.pass()), past.batch()),
                        net.parameters(),
                        false)
                .times(0.7);
        assertThat(distance(split.plasticity(), fresh)).isLessThan(1e-6);
        assertThat(distance(split.stability(), held)).isLessThan(1e-6);
        assertThat(er.learn(b).terms()).extracting(t -> t.name()).containsExactly("new", "past");
    }

    private static double distance(ParamVector a, ParamVector b) {
        return a.flat().sub(b.flat()).norm().item_double();
    }

    /** Classes get equal shares of what the parts so far brought, and only finished parts are drawn from. */
    @Test
    void aMemoryThatIsFilledAtTheEndsOfPartsHoldsFinishedPartsAlone() {
        ExperienceReplay er = er(ExperienceReplay.Config.mixed(net(true), 12, 0.5));
        Run r = new Run(er, scenario(), List.of(), new MetricLog(), Rng.of(3));
        for (int part = 1; part <= 3; part++) {
            State before = null;
            for (int i = 0; i < 8; i++) {
                r.advance();
                if (i > 0) {
                    assertThat(er.state().child("memory").sameAs(before)).isTrue();
                }
                before = er.state().child("memory").copy();
            }
            r.advance();
            int size = 12 / (2 * part);
            int[] classes =
                    dev.holdfast.tensor.Tensors.ints(er.state().child("memory").tensor("classIds"));
            for (int c = 0; c < 2 * part; c++) {
                int of = c;
                assertThat(IntStream.of(classes).filter(x -> x == of).count()).isEqualTo(size);
            }
        }
    }

    /** The first rows of each task in their order of arrival, and no more. */
    @Test
    void gemKeepsTheFirstRowsOfEveryTask() {
        EpisodicGem gem = new EpisodicGem(EpisodicGem.Config.of(net(true), 7), DATA.schema(), rng());
        List<Long> first = new java.util.ArrayList<>();
        Experience e = scenario().experiences().get(0);
        var batches = e.train().batches(e.pace(), Rng.of(3).child("data", 0));
        while (batches.hasNext()) {
            Batch b = batches.next();
            gem.learn(b);
            for (long id : b.rows().ids()) {
                first.add(id);
            }
        }
        gem.end(e);
        assertThat(dev.holdfast.tensor.Tensors.longs(gem.state().child("past0").tensor("ids")))
                .containsExactly(first.subList(0, 7).stream().mapToLong(x -> x).toArray());
        assertThat(gem.state().child("current").integer("size")).isZero();
    }

    /** One past task, margin 0 and epsilon to 0: A-GEM's formula, and then no conflict to first order. */
    @Test
    void gemWithOneTaskAndNoMarginIsAGemsFormula() {
        EpisodicGem gem = new EpisodicGem(new EpisodicGem.Config(net(true), 12, 0, 0), DATA.schema(), rng());
        Experience e = scenario().experiences().get(0);
        for (int i = 0; i < 5; i++) {
            gem.learn(e.train().batches(e.pace(), Rng.of(i)).next());
        }
        gem.end(e);
        Batch fresh = scenario()
                .experiences()
                .get(1)
                .train()
                .batches(e.pace(), Rng.of(1))
                .next();
        ReplayBuffer memory = new ReplayBuffer(
                12, new dev.holdfast.memory.FirstRows(12), dev.holdfast.memory.DrawPolicy.uniform(), Rng.of(1));
        memory.load(gem.state().child("past0"));
        Batch old = memory.all().batch();
        Net net = gem.net();
        ParamVector r =
                Autograd.grad(net.crossEntropy(net.scores(old.inputs(), net.pass()), old), net.parameters(), false);
        Split split = gem.split(fresh);
        assertThat(split.from()).isEqualTo(Stability.PROJECTION);
        assertThat(split.more().get(0).value()).isCloseTo(r.norm(), within(1e-6));
        ParamVector aGem = dev.holdfast.optim.transform.GradientSurgery.aGem(split.plasticity(), r);
        assertThat(distance(split.sum(), aGem)).isLessThan(1e-5 * (1 + aGem.norm()));
        assertThat(split.sum().dot(r)).isGreaterThan(-1e-5);
    }

    @Test
    void badSettingsAndBadRowsAreRefused() {
        assertThatThrownBy(() -> ExperienceReplay.Config.mixed(net(true), 20, 1.5))
                .hasMessageContaining("newShare");
        assertThatThrownBy(() -> ExperienceReplay.Config.mixed(net(true), 20, Double.NaN))
                .hasMessageContaining("newShare");
        assertThatThrownBy(() -> ExperienceReplay.Config.of(net(true), 20, -1, Store.RING))
                .hasMessageContaining("replayBatch");
        assertThatThrownBy(() -> EpisodicGem.Config.of(net(true), 0)).hasMessageContaining("1");
        assertThatThrownBy(() -> new EpisodicGem.Config(net(true), 3, -1, 0)).hasMessageContaining("margin");
        assertThatThrownBy(() -> new EpisodicGem.Config(net(true), 3, 0, Double.NaN))
                .hasMessageContaining("epsilon");
        assertThatThrownBy(() -> Anchored.Config.averagedEwc(1, 0)).hasMessageContaining("batchRows");
        Batch wide = Clouds.of(6, 1, 9, 1, "wide").rows(0, 1);
        Stream.of(
                        new Finetune(Finetune.Config.of(net(true)), DATA.schema(), rng()),
                        er(ExperienceReplay.Config.mixed(net(true), 20, 0.3)),
                        ewc(true),
                        new EpisodicGem(EpisodicGem.Config.of(net(true), 7), DATA.schema(), rng()))
                .forEach(l -> assertThatThrownBy(() -> ((SplitsGradient) l).split(wide))
                        .hasMessageContaining("expected [5]"));
    }

    /** g_p and g_s come from the same rows in the same order whoever asks, and the probe notes every step. */
    @Test
    void theProbeNotesWhatTheLearnerSays() {
        MetricLog log = new MetricLog();
        Learner gem = new EpisodicGem(EpisodicGem.Config.of(net(true), 7), DATA.schema(), rng());
        new Run(gem, scenario(), List.of(new GradientProbe(4)), log, Rng.of(3)).finish();
        assertThat(log.of(GradientProbe.PLASTICITY))
                .extracting(MetricLog.Entry::step)
                .containsExactly(0L, 4L, 8L, 12L, 16L, 20L);
        assertThat(log.of("gradient.memory")).extracting(MetricLog.Entry::step).containsExactly(8L, 12L, 16L, 20L);
        assertThat(log.of(GradientProbe.STABILITY_FROM).get(0).value()).isEqualTo(Stability.PROJECTION.ordinal());
        MetricLog plain = new MetricLog();
        new Run(
                        new Finetune(Finetune.Config.of(net(true)), DATA.schema(), rng()),
                        scenario(),
                        List.of(new GradientProbe(1)),
                        plain,
                        Rng.of(3))
                .finish();
        assertThat(plain.of(GradientProbe.STABILITY))
                .allSatisfy(e -> assertThat(e.value()).isZero());
        assertThat(plain.of(GradientProbe.STABILITY_FROM))
                .allSatisfy(e -> assertThat(e.value()).isEqualTo(Stability.NONE.ordinal()));
    }
}
