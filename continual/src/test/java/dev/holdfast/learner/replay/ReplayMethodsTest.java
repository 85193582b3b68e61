package dev.holdfast.learner.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Replay that masks (ER-ACE), chooses (MIR) and holds on (FDR): formulas by hand and limits to the bit. */
@ExtendWith(NativeMemory.class)
class ReplayMethodsTest {
    private static final int CLASSES = 6;
    private static final int ALL = 1000;
    private static final int FIRST_PART = 8;

    static MemoryDataset data() {
        return Clouds.of(CLASSES, 10, 5, 1, "train");
    }

    static Scenario scenario() {
        return ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.SEEDED, false, Dealing.offline(2, 6)),
                data(),
                data(),
                Rng.of(2));
    }

    static NetConfig momentum() {
        NetConfig d = NetConfig.defaults();
        return new NetConfig(d.backbone(), OptimizerConfig.sgd(0.05, 0.9), d.allClassesFromStart());
    }

    static NetConfig plain(double rate) {
        NetConfig d = NetConfig.defaults();
        return new NetConfig(d.backbone(), OptimizerConfig.sgd(rate), d.allClassesFromStart());
    }

    static Rng rng() {
        return Rng.of(9).child("learner");
    }

    static Batch rows(int... at) {
        return data().rows(at);
    }

    static void run(Learner l, int steps) {
        Run r = new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3));
        for (int i = 0; i < steps; i++) {
            r.advance();
        }
    }

    static void assertSameNet(Learner a, Learner b, int steps) {
        run(a, steps);
        run(b, steps);
        assertThat(a.state().child("net").sameAs(b.state().child("net"))).isTrue();
    }

    static Learner finetune() {
        return new Finetune(Finetune.Config.of(momentum()), data().schema(), rng());
    }

    private static ExperienceReplay er(Store store, ExperienceReplay.Fill fill) {
        return new ExperienceReplay(
                new ExperienceReplay.Config(momentum(), 20, 8, store, ExperienceReplay.Mix.ONE_MEAN, 0.5, fill),
                data().schema(),
                rng());
    }

    private static AsymmetricReplay ace(AsymmetricReplay.Start start, boolean allClasses) {
        NetConfig c = allClasses ? momentum().withAllClassesFromStart() : momentum();
        return new AsymmetricReplay(
                new AsymmetricReplay.Config(c, 20, 8, Store.RESERVOIR, start), data().schema(), rng());
    }

    private static InterferedReplay mir(int candidates, int chosen, NetConfig net) {
        return new InterferedReplay(
                new InterferedReplay.Config(net, 20, candidates, chosen, Store.RESERVOIR), data().schema(), rng());
    }

    private static FunctionReplay fdr(double alpha, FunctionReplay.Turns turns, int capacity) {
        return new FunctionReplay(
                new FunctionReplay.Config(momentum(), capacity, 8, alpha, turns), data().schema(), rng());
    }

    @Test
    void anEmptyMemoryAddsNothing() {
        assertSameNet(ace(AsymmetricReplay.Start.FIRST_BATCH, false), finetune(), 1);
        assertSameNet(ace(AsymmetricReplay.Start.SECOND_PART, false), finetune(), FIRST_PART);
        assertSameNet(mir(20, 8, momentum()), finetune(), 1);
        for (FunctionReplay.Turns turns : FunctionReplay.Turns.values()) {
            assertSameNet(fdr(1, turns, 20), finetune(), FIRST_PART);
            assertSameNet(fdr(0, turns, 20), finetune(), ALL);
        }
    }

    @Test
    void afterThatTheyDoDiffer() {
        Learner tuned = finetune();
        run(tuned, ALL);
        for (Learner l : List.of(
                ace(AsymmetricReplay.Start.SECOND_PART, false),
                mir(20, 8, momentum()),
                fdr(1, FunctionReplay.Turns.ALTERNATE, 20),
                fdr(1, FunctionReplay.Turns.TOGETHER, 20))) {
            run(l, ALL);
            assertThat(l.state().child("net").sameAs(tuned.state().child("net")))
                    .isFalse();
        }
    }

    /** Logits 1, 2, 3, 4 and the class of column 0: with columns 0 and 2 the loss is ln(1 + e^2), and 1 and 3 stay. */
    @Test
    void theMaskedLossLeavesOtherColumnsAlone() {
        Tensor z = Tensors.of(new double[][] {{1, 2, 3, 4}}).set_requires_grad(true);
        LossInput in = new LossInput(z, Target.ClassIds.of(0), Rows.of(0), ClassIndex.numbered(4));
        Tensor loss = AsymmetricReplay.crossEntropy(in, new boolean[] {true, false, true, false});
        assertThat(loss.item_double()).isCloseTo(Math.log(1 + Math.exp(2)), within(1e-12));
        Parameters p = new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(z));
        double q = 1 / (1 + Math.exp(-2));
        assertThat(Tensors.doubles(Autograd.grad(loss, p, false).get(0)))
                .containsExactly(new double[] {-q, 0, q, 0}, within(1e-12));
    }

    /** The second step by hand: new classes over the batch's and unseen columns, drawn rows over all. */
    @Test
    void erAceAddsAMaskedMeanAndAWholeOne() {
        AsymmetricReplay l = ace(AsymmetricReplay.Start.FIRST_BATCH, true);
        Net net = new Net(momentum().withAllClassesFromStart(), data().schema(), rng().child("net"));
        ReplayBuffer memory = ReplayBuffer.reservoir(20, rng().child("memory"));
        Batch first = rows(0, 1, 6, 7);
        Batch second = rows(2, 8, 14);
        l.learn(first);
        net.descend(net.crossEntropy(net.scores(first.inputs(), net.pass()), first));
        memory.offer(first, Map.of());

        LossInput in = net.lossInput(net.scores(second.inputs(), net.pass()), second);
        Drawn past = memory.draw(8, net.draws("replay"));
        double stream = new CrossEntropy()
                .value(in.among(c -> c.classId() >= 2))
                .total(null)
                .item_double();
        double whole = net.crossEntropy(net.scores(past.batch().inputs(), net.pass()), past.batch())
                .item_double();
        assertThat(l.learn(second).loss()).isCloseTo(stream + whole, within(1e-6));
    }

    @Test
    void mirChoosesThoseWhoseLossRisesMost() {
        assertThat(InterferedReplay.most(new double[] {0.1, 3, -1, 2, 0.5}, 2)).containsExactly(1, 3);
        assertThat(InterferedReplay.most(new double[] {1, 1, 1}, 2)).containsExactly(0, 1);
        assertThat(InterferedReplay.most(new double[] {Double.NaN, -1, 1}, 2)).containsExactly(0, 2);
    }

    @Test
    void mirWithAsManyCandidatesAsAreChosenIsReplay() {
        assertSameNet(mir(8, 8, momentum()), er(Store.RESERVOIR, ExperienceReplay.Fill.EACH_BATCH), ALL);
    }

    /** One step of plain SGD by hand: theta' = theta - rate * gradient; the chosen rows are those that it harms most. */
    @Test
    void mirTakesItsVirtualStepAndNoTraceIsLeft() {
        double rate = 0.3;
        InterferedReplay l = mir(12, 3, plain(rate));
        Net net = new Net(plain(rate), data().schema(), rng().child("net"));
        ReplayBuffer memory = ReplayBuffer.reservoir(20, rng().child("memory"));
        Batch first = rows(IntStream.range(0, 12).toArray());
        Batch second = rows(18, 24);
        l.learn(first);
        net.admit(first);
        net.descend(net.crossEntropy(net.scores(first.inputs(), net.pass()), first));
        memory.offer(first, Map.of());

        Drawn drawn = memory.draw(12, net.draws("replay"));
        double[] before = losses(net, drawn.batch());
        Tensor loss = net.crossEntropy(net.scores(second.inputs(), net.pass()), second);
        ParamVector g = Autograd.grad(loss, net.parameters(), false);
        ParamVector home = net.parameters().copy();
        net.parameters().add(-rate, g);
        double[] after = losses(net, drawn.batch());
        net.parameters().assign(home);
        double[] rise =
                IntStream.range(0, 12).mapToDouble(i -> after[i] - before[i]).toArray();
        int[] slots = IntStream.of(InterferedReplay.most(rise, 3))
                .map(i -> drawn.slots()[i])
                .toArray();
        Batch both = memory.at(slots).after(second);
        Tensor whole = net.crossEntropy(net.scores(both.inputs(), net.pass()), both);
        assertThat(l.learn(second).loss()).isCloseTo(whole.item_double(), within(1e-6));
        net.descend(whole);
        assertThat(l.state().child("net").sameAs(net.state())).isTrue();
    }

    private static double[] losses(Net net, Batch b) {
        return Tensors.doubles(new CrossEntropy()
                .value(net.lossInput(net.scores(b.inputs(), net.peek()), b))
                .perSample());
    }

    @Test
    void theFunctionDistanceIsThatOfProbabilities() {
        Tensor now = Tensors.of(new double[][] {{0, 0, 0}, {0, Math.log(3), 0}});
        // in the second row the last column did not exist: 1/2, 1/2, 0
        Tensor then = Tensors.of(new double[][] {{0, 0, Math.log(2)}, {5, 5, Double.NaN}});
        double first = Math.sqrt(2 * Math.pow(1 / 3.0 - 1 / 4.0, 2) + Math.pow(1 / 3.0 - 1 / 2.0, 2));
        double second = Math.sqrt(Math.pow(0.2 - 0.5, 2) + Math.pow(0.6 - 0.5, 2) + 0.04);
        assertThat(FunctionReplay.distance(now, then).item_double()).isCloseTo((first + second) / 2, within(1e-12));
        assertThat(FunctionReplay.distance(now, Tensors.slice(then, 1, 0, 2)).item_double())
                .isCloseTo((Math.sqrt(2 / 36.0 + 1 / 9.0) + second) / 2, within(1e-12));
    }

    @Test
    void atZeroDistanceTheGradientIsZeroNotNaN() {
        Tensor z = Tensors.of(new double[][] {{1, 2, 3}}).set_requires_grad(true);
        Parameters p = new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(z));
        Tensor g =
                Autograd.grad(FunctionReplay.distance(z, z.detach()), p, false).get(0);
        assertThat(Tensors.doubles(g)).containsExactly(0, 0, 0);
    }

    @Test
    void fdrStoresAnEqualNumberOfEveryPartWithTheAnswersAtItsEnd() {
        FunctionReplay l = fdr(1, FunctionReplay.Turns.ALTERNATE, 9);
        Run r = new Run(l, scenario(), List.of(), new MetricLog(), Rng.of(3));
        int[][] expected = {{9, 0, 0}, {4, 4, 0}, {3, 3, 3}};
        int part = 0;
        while (r.advance()) {
            State s = l.state();
            if (s.integer("parts") > part) {
                part = (int) s.integer("parts");
                int[] tasks = Tensors.ints(s.tensor("memory.tasks"));
                long size = s.integer("memory.size");
                for (int t = 0; t < 3; t++) {
                    int task = t;
                    assertThat(IntStream.range(0, (int) size)
                                    .filter(i -> tasks[i] == task)
                                    .count())
                            .isEqualTo(expected[part - 1][t]);
                }
                // the newest rows were scored by the network as it is now
                try (Scope scope = Scope.open()) {
                    int from = (int) size - expected[part - 1][part - 1];
                    Tensor x = Tensors.slice(s.tensor("memory.field.x"), from, size);
                    assertThat(Tensors.bytes(Tensors.slice(s.tensor("memory.extra.logits"), from, size)))
                            .isEqualTo(Tensors.bytes(l.predict(Inputs.of(x)).scores()));
                }
            }
        }
        assertThat(part).isEqualTo(3);
    }

    /** With more parts than rows the newest part still has one. */
    @Test
    void fdrWithFewerRowsThanPartsKeepsTheNewest() {
        FunctionReplay l = fdr(1, FunctionReplay.Turns.TOGETHER, 2);
        run(l, ALL);
        assertThat(Tensors.ints(l.state().tensor("memory.tasks"))).containsExactly(1, 2);
    }

    @Test
    void herdedReplayKeepsAnEqualNumberOfEveryClass() {
        ExperienceReplay l = er(Store.HERDING, ExperienceReplay.Fill.PART_END);
        run(l, ALL);
        int[] y = Tensors.ints(l.state().tensor("memory.classIds"));
        assertThat(l.state().integer("memory.size")).isEqualTo(18);
        for (int c = 0; c < CLASSES; c++) {
            int id = c;
            assertThat(IntStream.range(0, 18).filter(i -> y[i] == id).count()).isEqualTo(3);
        }
    }

    @Test
    void configurationsThatMakeNoSenseAreRefused() {
        assertThatThrownBy(() -> mir(5, 6, momentum()))
                .hasMessageContaining("5 candidates")
                .hasMessageContaining("6");
        assertThatThrownBy(() -> fdr(-1, FunctionReplay.Turns.TOGETHER, 5)).hasMessageContaining("alpha");
        assertThatThrownBy(() -> fdr(1, FunctionReplay.Turns.TOGETHER, 0)).hasMessageContaining("capacity");
        assertThatThrownBy(() -> er(Store.HERDING, ExperienceReplay.Fill.EACH_BATCH))
                .hasMessageContaining("PART_END");
        assertThatThrownBy(() -> new AsymmetricReplay.Config(
                        momentum(), 5, 5, Store.HERDING, AsymmetricReplay.Start.FIRST_BATCH))
                .hasMessageContaining("RESERVOIR");
    }

    static Experience part(int i) {
        return scenario().experiences().get(i);
    }

    static Schema schema() {
        return data().schema();
    }
}
