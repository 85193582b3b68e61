package dev.holdfast.learner.architecture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Learners that compute by task: what they promise about finished tasks, and their formulas. */
@ExtendWith(NativeMemory.class)
class TaskLearnersTest {
    private static final Offset<Double> CLOSE = within(1e-5);
    private static final BackboneConfig MLP = BackboneConfig.mlp(Init.KAIMING_UNIFORM, 16, 12);
    private static final OptimizerConfig MOMENTUM = OptimizerConfig.sgd(0.05, 0.9);

    private final Walk walk = new Walk();

    private static NetConfig net(OptimizerConfig o) {
        return new NetConfig(MLP, o, false);
    }

    private static PackNet packNet(OptimizerConfig o, double prune, int retrain) {
        return new PackNet(new PackNet.Config(net(o), prune, retrain, 5), Walk.schema(), Rng.of(1));
    }

    private static HardAttention hat(double sparsity) {
        return new HardAttention(
                new HardAttention.Config(net(OptimizerConfig.sgd(0.1)), 400, sparsity, 6, 50, 5),
                Walk.schema(),
                Rng.of(1));
    }

    private static ProgressiveNet pnn(OptimizerConfig o) {
        return new ProgressiveNet(new ProgressiveNet.Config(net(o)), Walk.schema(), Rng.of(1));
    }

    private static DenLite.Config den(double lossBound, double lasso, double driftBound) {
        return den(lossBound, lasso, driftBound, 0);
    }

    private static DenLite.Config den(double lossBound, double lasso, double driftBound, int retrain) {
        return new DenLite.Config(net(MOMENTUM), 0.01, lossBound, 3, 2, 6, lasso, driftBound, retrain, 5);
    }

    private static DenLite denLite(DenLite.Config c) {
        return new DenLite(c, Walk.schema(), Rng.of(1));
    }

    /** Learners whose finished tasks nothing can move. */
    enum Immune {
        PACK_NET(() -> packNet(MOMENTUM, 0.6, 2)),
        PACK_NET_BY_ADAM(() -> packNet(OptimizerConfig.adam(0.01), 0.5, 0)),
        PROGRESSIVE(() -> pnn(MOMENTUM)),
        PROGRESSIVE_BY_ADAM(() -> pnn(OptimizerConfig.adam(0.01))),
        EXPANDABLE(() -> denLite(den(0, 0.01, 0.05))),
        EXPANDABLE_AND_RETRAINED(() -> denLite(den(0, 0.01, 0.3, 2)));

        private final Supplier<Learner> make;

        Immune(Supplier<Learner> make) {
            this.make = make;
        }
    }

    /** What later parts do, momentum of earlier steps included, moves no answer of a finished task. */
    @ParameterizedTest
    @EnumSource
    void finishedTasksAnswerAsBefore(Immune which) {
        Learner l = which.make.get();
        TaskAware t = (TaskAware) l;
        walk.whole(l, 0);
        assertThat(Walk.accuracy(t, 0)).isGreaterThanOrEqualTo(0.9);
        double[] first = Walk.scores(t, 0);
        walk.learn(l, 1);
        assertThat(Walk.scores(t, 0)).as("in the middle of the second task").containsExactly(first, CLOSE);
        walk.end(l, 1);
        double[] second = Walk.scores(t, 1);
        assertThat(Walk.accuracy(t, 1)).isGreaterThanOrEqualTo(0.9);
        walk.whole(l, 2);
        assertThat(Walk.scores(t, 0)).containsExactly(first, CLOSE);
        assertThat(Walk.scores(t, 1)).containsExactly(second, CLOSE);
        assertThat(Walk.accuracy(t, 2)).isGreaterThanOrEqualTo(0.9);
    }

    /** Without the task every class is scored by its own task's network; an unknown task is no task. */
    @ParameterizedTest
    @EnumSource
    void withoutTheTaskEveryClassIsScoredByItsOwn(Immune which) {
        Learner l = which.make.get();
        TaskAware t = (TaskAware) l;
        walk.whole(l, 0);
        walk.whole(l, 1);
        try (Scope s = Scope.open()) {
            Batch b = Walk.rows(1);
            Prediction all = l.predict(b.inputs());
            assertThat(all.columns().size()).isEqualTo(4);
            for (int task = 0; task < 2; task++) {
                int[] own = {all.columns().columnOf(2 * task), all.columns().columnOf(2 * task + 1)};
                double[] mine =
                        Tensors.doubles(t.predict(b.inputs(), task).scores().index_select(1, Tensors.ids(own)));
                assertThat(Tensors.doubles(all.scores().index_select(1, Tensors.ids(own))))
                        .as("task " + task)
                        .containsExactly(mine);
            }
            assertThat(Tensors.doubles(t.predict(b.inputs(), 9).scores()))
                    .containsExactly(Tensors.doubles(all.scores()));
        }
    }

    /** With gates at 0 or 1, units that the first task uses do not move at all. */
    @Test
    void saturatedGatesHoldTheirTask() {
        HardAttention l = hat(0.75);
        walk.learn(l, 0);
        try (Scope s = Scope.open()) {
            State now = l.state().copy();
            for (int gate = 0; gate < 2; gate++) {
                Tensor e =
                        now.tensor("parts.net.model.gate." + gate + ".weight").select(0, 0);
                e.copy_(e.sign().mul(Tensors.scalar(6)));
            }
            l.load(now);
        }
        walk.end(l, 0);
        double[] first = Walk.scores(l, 0);
        walk.whole(l, 1);
        walk.whole(l, 2);
        assertThat(Walk.scores(l, 0)).containsExactly(first, CLOSE);
    }

    /** Learnt gates are nearly binary, so little of the first task is lost and all are learnt. */
    @Test
    void learntGatesHoldTheirTask() {
        HardAttention l = hat(0.1);
        for (int task = 0; task < 3; task++) {
            walk.whole(l, task);
        }
        for (int task = 0; task < 3; task++) {
            assertThat(Walk.accuracy(l, task)).as("task " + task).isGreaterThanOrEqualTo(0.9);
        }
    }

    @Test
    void embeddingsStayInTheirBoundsAndUsedUnitsAccumulate() {
        HardAttention l = hat(0.75);
        walk.whole(l, 0);
        double[] used = used(l);
        walk.whole(l, 1);
        double[] more = used(l);
        for (int i = 0; i < used.length; i++) {
            assertThat(more[i]).isGreaterThanOrEqualTo(used[i]).isBetween(0.0, 1.0);
        }
        try (Scope s = Scope.open()) {
            double largest = l.state()
                    .tensor("parts.net.model.gate.0.weight")
                    .abs()
                    .max()
                    .item_double();
            assertThat(largest).isLessThanOrEqualTo(6);
        }
    }

    private static double[] used(HardAttention l) {
        try (Scope s = Scope.open()) {
            return Tensors.doubles(l.state().tensor("parts.net.model.gate.0.used"));
        }
    }

    @Test
    void moreTasksThanHardAttentionHasRoomForAreRefused() {
        HardAttention l = new HardAttention(
                new HardAttention.Config(net(OptimizerConfig.sgd(0.1)), 400, 0.1, 6, 50, 1), Walk.schema(), Rng.of(1));
        walk.whole(l, 0);
        try (Scope s = Scope.open()) {
            assertThatThrownBy(() -> l.begin(walk.parts().get(1))).hasMessageContaining("room for 1 parts");
        }
        assertThat(Walk.accuracy(l, 0)).isGreaterThan(0.5);
    }

    /** Later tasks leave all bits of a finished column alone. */
    @Test
    void oldColumnsAreTheSameToTheBit() {
        ProgressiveNet l = pnn(MOMENTUM);
        walk.whole(l, 0);
        try (Scope s = Scope.open()) {
            State before = l.state().copy();
            walk.whole(l, 1);
            State after = l.state();
            List<String> first = before.tensors().keySet().stream()
                    .filter(n -> n.startsWith("net.model.column.0."))
                    .toList();
            assertThat(first).hasSize(4);
            for (String n : first) {
                assertThat(Tensors.bytes(after.tensor(n))).as(n).isEqualTo(Tensors.bytes(before.tensor(n)));
            }
            assertThat(after.tensors())
                    .containsKeys("net.model.column.1.adapter.0.down.weight", "net.model.column.1.adapter.0.up.weight");
        }
    }

    /** Prunes the share that it is told to, and the next task owns that share of what was left. */
    @Test
    void weightsAreDealtInTheSharesThatWereAskedFor() {
        PackNet l = packNet(MOMENTUM, 0.5, 1);
        walk.whole(l, 0);
        walk.whole(l, 1);
        try (Scope s = Scope.open()) {
            double[] owner = Tensors.doubles(l.state().tensor("net.model.fc.1.owner"));
            assertThat(Stream.of(0, 1, 2).map(k -> share(owner, k))).containsExactly(0.25, 0.5, 0.25);
        }
    }

    private static double share(double[] owner, int of) {
        return java.util.Arrays.stream(owner).filter(o -> o == of).count() / (double) owner.length;
    }

    @Test
    void configurationsThatWouldForgetAreRefused() {
        OptimizerConfig decays = MOMENTUM.withWeightDecay(0.1);
        assertThatThrownBy(() -> packNet(decays, 0.5, 0)).hasMessageContaining("weightDecay=0");
        assertThatThrownBy(() -> pnn(decays)).hasMessageContaining("pnn needs");
        assertThatThrownBy(() -> packNet(MOMENTUM, 1, 0)).hasMessageContaining("prune must be in [0, 1)");
        assertThatThrownBy(() -> packNet(MOMENTUM, 0.5, -1)).hasMessageContaining("retrainEpochs");
        assertThatThrownBy(() -> new HardAttention.Config(net(OptimizerConfig.adam(0.1)), 400, 1, 6, 50, 5))
                .hasMessageContaining("kind=SGD");
        NetConfig normed = new NetConfig(MLP.withNorm(Norm.BATCH), OptimizerConfig.sgd(0.1), false);
        assertThatThrownBy(() -> new HardAttention.Config(normed, 400, 1, 6, 50, 5))
                .hasMessageContaining("norm=NONE");
        assertThatThrownBy(() -> new ProgressiveNet.Config(normed)).hasMessageContaining("norm=NONE");
        assertThatThrownBy(() -> new PackNet.Config(net(MOMENTUM).withAllClassesFromStart(), 0.5, 0, 5))
                .hasMessageContaining("allClassesFromStart=false");
        NetConfig flat = new NetConfig(BackboneConfig.linear(), OptimizerConfig.sgd(0.1), false);
        Schema schema = Walk.schema();
        assertThatThrownBy(() -> new PackNet(new PackNet.Config(flat, 0.5, 0, 5), schema, Rng.of(1)))
                .hasMessageContaining("hidden layers");
        assertThatThrownBy(() -> new HardAttention(new HardAttention.Config(flat, 400, 1, 6, 50, 5), schema, Rng.of(1)))
                .hasMessageContaining("hidden units");
        assertThatThrownBy(() -> den(-1, 0, 0)).hasMessageContaining("lossBound");
    }

    /** The price of free units is a term of its own, as formula 5 has it at the beginning: the mean gate. */
    @Test
    void thePriceOfTheFirstTaskIsItsMeanGate() {
        HardAttention l = hat(0.5);
        try (Scope s = Scope.open()) {
            l.begin(walk.parts().get(0));
            double[] e = Tensors.doubles(
                    l.state().tensor("parts.net.model.gate.0.weight").select(0, 0));
            double[] f = Tensors.doubles(
                    l.state().tensor("parts.net.model.gate.1.weight").select(0, 0));
            StepReport r = l.learn(Walk.rows(0).withTask(0));
            double sum = 0;
            for (double[] layer : List.of(e, f)) {
                for (double x : layer) {
                    sum += 1 / (1 + Math.exp(-x / 400));
                }
            }
            double price = r.terms().get(1).value();
            assertThat(price).isCloseTo(sum / (e.length + f.length), CLOSE);
            assertThat(r.loss()).isCloseTo(r.terms().get(0).value() + 0.5 * price, CLOSE);
        }
    }

    @Test
    void unitsComeWhileTheLossIsTooHighAndUpToTheirLimit() {
        DenLite never = denLite(den(100, 0, 1e9));
        DenLite always = denLite(den(0, 0, 1e9));
        for (DenLite l : List.of(never, always)) {
            walk.whole(l, 0);
            assertThat(l.widths()).as("the first task has its network").containsExactly(16L, 12L);
            walk.whole(l, 1);
        }
        assertThat(never.widths()).containsExactly(16L, 12L);
        assertThat(always.widths()).containsExactly(22L, 18L);
    }

    @Test
    void theLassoTakesUnneededUnitsAway() {
        DenLite l = denLite(den(0, 50, 1e9));
        walk.whole(l, 0);
        walk.whole(l, 1);
        assertThat(l.widths()).containsExactly(16L, 12L);
        assertThat(Walk.accuracy(l, 0)).isGreaterThanOrEqualTo(0.9);
    }

    /** Everything that moved is split, so the second task goes on as it was trained, to the rounding. */
    @Test
    void unitsThatMovedAreSplitAndBothTasksGoOn() {
        DenLite l = denLite(den(100, 0, 0));
        walk.whole(l, 0);
        double[] first = Walk.scores(l, 0);
        walk.learn(l, 1);
        double[] second = Walk.scores(l, 1);
        walk.end(l, 1);
        assertThat(l.widths().get(0)).isGreaterThan(16);
        assertThat(Walk.scores(l, 0)).containsExactly(first, CLOSE);
        assertThat(Walk.scores(l, 1)).containsExactly(second, CLOSE);
    }

    @Test
    void groupsShrinkByTheSameLength() {
        Tensor rows = Tensors.of(new double[] {3, 4, 0.3, 0.4, 0, 0}, 3, 2);
        double[] shrunk = Tensors.doubles(UnitLayer.softThreshold(rows, 1));
        assertThat(shrunk).containsExactly(new double[] {2.4, 3.2, 0, 0, 0, 0}, within(1e-12));
    }

    @Test
    void rowsThatReadASplitUnitReadItsNewHalf() {
        // two inputs and a bias; input 0 was split; the second row belongs to an earlier part
        Tensor w = Tensors.of(new double[] {1, 2, 3, 4, 5, 6}, 2, 3);
        Tensor r = UnitModel.redirected(w, 2, new int[] {0}, new boolean[] {true, false});
        assertThat(Tensors.doubles(r)).containsExactly(0, 2, 1, 3, 4, 5, 0, 6);
    }

    /** A class that comes again in another task has a column there, and the old one is left alone. */
    @Test
    void aClassOfTwoTasksHasTwoColumns() {
        ProgressiveNet l = pnn(MOMENTUM);
        walk.whole(l, 0);
        try (Scope s = Scope.open()) {
            double[] before = Walk.scores(l, 0);
            var e = walk.parts().get(0);
            l.begin(new dev.holdfast.scenario.Experience(3, 7, e.train(), e.classes(), true, e.pace()));
            l.learn(Walk.rows(0).withTask(7));
            ClassIndex columns = l.predict(Walk.rows(0).inputs()).columns();
            assertThat(columns.columns()).extracting(ClassIndex.Column::classId).containsExactlyInAnyOrder(0, 1, 0, 1);
            assertThat(columns.columns()).extracting(ClassIndex.Column::task).contains(0, 7);
            assertThat(Walk.scores(l, 0)).containsExactly(before);
        }
    }
}
