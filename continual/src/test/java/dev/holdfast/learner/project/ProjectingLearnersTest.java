package dev.holdfast.learner.project;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Orthogonal gradient descent and gradient projection memory as learners. */
@ExtendWith(NativeMemory.class)
class ProjectingLearnersTest {
    private static final MemoryDataset TRAIN = Clouds.of(6, 12, 10, 3, "train");
    private static final MemoryDataset TEST = Clouds.of(6, 5, 10, 3, "test");

    private final List<Experience> parts = ClassIncremental.of(
                    new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, true, Dealing.offline(4, 6)),
                    TRAIN,
                    TEST,
                    Rng.of(1))
            .experiences();

    private static NetConfig net(OptimizerConfig o) {
        return new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 20, 16), o, false);
    }

    private static OrthogonalDescent ogd(double rate, Competing c) {
        return new OrthogonalDescent(
                new OrthogonalDescent.Config(net(OptimizerConfig.sgd(rate)), 10, c), TRAIN.schema(), Rng.of(1));
    }

    private static GradientMemory gpm(double rate, double threshold, Competing c) {
        return new GradientMemory(
                new GradientMemory.Config(net(OptimizerConfig.sgd(rate, 0.9)), 24, threshold, 0.5, c),
                TRAIN.schema(),
                Rng.of(1));
    }

    private void whole(NetLearner l, int part) {
        Experience e = parts.get(part);
        try (Scope s = Scope.open()) {
            l.begin(e);
        }
        Loader rows = e.train().batches(e.pace(), Rng.of(7).child("rows", part));
        while (rows.hasNext()) {
            try (Scope s = Scope.open()) {
                l.learn(rows.next().withTask(e.task()));
            }
        }
        try (Scope s = Scope.open()) {
            l.end(e);
        }
    }

    private static Batch rows(MemoryDataset from, int task) {
        return from.rows(IntStream.range(0, (int) from.size())
                .filter(i -> i % 6 / 2 == task)
                .toArray());
    }

    private static double accuracy(NetLearner l, int task) {
        try (Scope s = Scope.open()) {
            Batch b = rows(TEST, task);
            int[] said = l.predict(b.inputs()).classes(c -> c.classId() / 2 == task);
            long[] y = b.classIds();
            return IntStream.range(0, y.length).filter(i -> said[i] == y[i]).count() / (double) y.length;
        }
    }

    private static double[] scores(NetLearner l, Batch b) {
        try (Scope s = Scope.open()) {
            return Tensors.doubles(Tensors.slice(l.predict(b.inputs()).scores(), 1, 0, 2));
        }
    }

    private static double moved(double[] a, double[] b) {
        return IntStream.range(0, a.length)
                .mapToDouble(i -> Math.abs(a[i] - b[i]))
                .max()
                .orElseThrow();
    }

    @Test
    void bothKeepTheFirstTaskAndLearnTheNext() {
        for (NetLearner l : List.of(ogd(0.05, Competing.OWN_PART), gpm(0.02, 0.95, Competing.OWN_PART))) {
            for (int part = 0; part < 3; part++) {
                whole(l, part);
            }
            for (int task = 0; task < 3; task++) {
                assertThat(accuracy(l, task)).as(l + " task " + task).isGreaterThanOrEqualTo(0.9);
            }
        }
    }

    /** With all energy protected, what the first task gets stands still, whatever the second learns. */
    @Test
    void protectedInputsPassThroughAsBefore() {
        GradientMemory l = new GradientMemory(
                new GradientMemory.Config(net(OptimizerConfig.sgd(0.02, 0.9)), 5, 1, 0, Competing.OWN_PART),
                TRAIN.schema(),
                Rng.of(1));
        whole(l, 0);
        try (Scope s = Scope.open()) {
            // which five rows were looked at is the learner's draw; a step along one protected direction must do
            // nothing
            Tensor basis = l.projection().of("fc.0.weight").basis().clone();
            assertThat(basis.size(1)).isBetween(1L, 5L);
            Tensor w = l.net().parameters().get("fc.0.weight").detach().clone();
            whole(l, 1);
            Tensor move = l.net().parameters().get("fc.0.weight").detach().sub(w);
            assertThat(move.abs().max().item_double()).isGreaterThan(1e-4);
            assertThat(move.mm(basis).abs().max().item_double()).isLessThanOrEqualTo(1e-6);
        }
    }

    @Test
    void everyLaterGradientIsOutsideOfWhatIsProtected() {
        GradientMemory l = gpm(0.02, 0.95, Competing.ALL);
        whole(l, 0);
        try (Scope s = Scope.open()) {
            Batch next = rows(TRAIN, 1).withTask(1);
            ParamVector g = l.split(next).sum();
            for (String leaf : List.of("fc.0.weight", "fc.1.weight", "head.weight")) {
                Tensor t = g.get(g.of().indexOf(leaf));
                assertThat(t.norm().item_double()).as(leaf).isGreaterThan(0);
                assertThat(t.mm(l.projection().of(leaf).basis()).abs().max().item_double())
                        .as(leaf)
                        .isLessThanOrEqualTo(1e-6);
            }
        }
    }

    /** Biases stand still after the first part, but for the rows of the head that belong to the part. */
    @Test
    void biasesMoveInTheFirstPartOnly() {
        GradientMemory l = gpm(0.02, 0.95, Competing.OWN_PART);
        whole(l, 0);
        try (Scope s = Scope.open()) {
            double[] bias =
                    Tensors.doubles(l.net().parameters().get("fc.1.bias").detach());
            double[] head =
                    Tensors.doubles(l.net().parameters().get("head.weight").detach());
            whole(l, 1);
            assertThat(Tensors.doubles(l.net().parameters().get("fc.1.bias").detach()))
                    .containsExactly(bias);
            double[] now =
                    Tensors.doubles(l.net().parameters().get("head.weight").detach());
            assertThat(java.util.Arrays.copyOf(now, head.length)).containsExactly(head);
        }
    }

    /** The threshold rises by a step a part only where there are convolutions. */
    @Test
    void withoutConvolutionsTheThresholdStays() {
        GradientMemory low = gpm(0.02, 0.5, Competing.OWN_PART);
        whole(low, 0);
        whole(low, 1);
        try (Scope s = Scope.open()) {
            Tensor x = rows(TRAIN, 1).inputs().x();
            double kept = 1
                    - low.projection()
                                    .of("fc.0.weight")
                                    .reject(x)
                                    .square()
                                    .sum()
                                    .item_double()
                            / x.square().sum().item_double();
            assertThat(kept).isBetween(0.45, 0.95);
        }
    }

    /** Patches times kernels are the convolution. */
    @Test
    void theInputsOfAConvolutionAreItsPatches() {
        try (Scope s = Scope.open()) {
            Geometry g = Geometry.conv(4, 2, 3, 2, 1, 1);
            Tensor x = Rng.of(1).normal(ScalarType.Double, 3, 2, 5, 6);
            Tensor w = Rng.of(2).normal(ScalarType.Double, 4, 2, 3, 3);
            Tensor in = GradientMemory.inputs(g, x);
            assertThat(in.shape()).containsExactly(18, 3 * 3 * 3);
            Tensor out = g.apply(x, w, null);
            Tensor mine = w.reshape(4, 18).mm(in).reshape(4, 3, 3, 3).transpose(0, 1);
            assertThat(mine.sub(out).abs().max().item_double()).isLessThan(1e-12);
            Tensor tokens = Rng.of(3).normal(ScalarType.Double, 2, 3, 5);
            assertThat(GradientMemory.inputs(Geometry.linear(4, 5), tokens).shape())
                    .containsExactly(5, 6);
            assertThatThrownBy(() -> GradientMemory.inputs(Geometry.conv(4, 2, 3, 1, 1, 2), x))
                    .hasMessageContaining("2 groups");
        }
    }

    /** A step e along the new task's gradient moves remembered logits by O(e^2). */
    @Test
    void remembersOwnLogitsToFirstOrder() {
        double[] change = new double[2];
        for (int i = 0; i < 2; i++) {
            OrthogonalDescent l = new OrthogonalDescent(
                    new OrthogonalDescent.Config(net(OptimizerConfig.sgd(i == 0 ? 0.02 : 0.01)), 24, Competing.ALL),
                    TRAIN.schema(),
                    Rng.of(1));
            try (Scope s = Scope.open()) {
                // the same network for both rates: nothing is learnt before the rows are remembered
                l.net().expect(TRAIN.schema().classes(), 0);
                l.begin(parts.get(0));
                l.end(parts.get(0));
                assertThat(l.remembered()).isEqualTo(24);
                Batch old = rows(TRAIN, 0);
                double[] before = own(l, old);
                l.learn(rows(TRAIN, 2).withTask(2));
                change[i] = moved(before, own(l, old));
            }
        }
        assertThat(change[0]).isLessThan(1e-2);
        assertThat(change[1]).isLessThan(0.35 * change[0] + 1e-6);
    }

    private static double[] own(NetLearner l, Batch b) {
        int[] c = l.net().columns().columnsOf(b.classIds());
        return Tensors.doubles(
                l.predict(b.inputs()).scores().gather(1, Tensors.ids(c).unsqueeze(1)));
    }

    @Test
    void directionsGrowWithThePartsAndWithTheHead() {
        OrthogonalDescent l = ogd(0.03, Competing.OWN_PART);
        whole(l, 0);
        assertThat(l.remembered()).isEqualTo(10);
        Batch old = rows(TRAIN, 0);
        double[] before = scores(l, old);
        whole(l, 1);
        assertThat(l.remembered()).isEqualTo(20);
        assertThat(moved(before, scores(l, old))).isLessThan(1.5);
        try (Scope s = Scope.open()) {
            State saved = l.state().copy();
            OrthogonalDescent other = ogd(0.03, Competing.OWN_PART);
            other.load(saved);
            assertThat(other.state().sameAs(saved)).isTrue();
            assertThat(other.remembered()).isEqualTo(20);
        }
    }

    /** What split shows beforehand is what the step then does; a new class is looked at without being admitted. */
    @Test
    void aSplitIsTheStepToCome() {
        for (NetLearner l : List.of(ogd(0.03, Competing.OWN_PART), gpm(0.03, 0.9, Competing.OWN_PART))) {
            whole(l, 0);
            try (Scope s = Scope.open()) {
                Batch next = rows(TRAIN, 1).withTask(1);
                State before = l.state().copy();
                SplitsGradient.Split split = ((SplitsGradient) l).split(next);
                assertThat(l.state().sameAs(before)).isTrue();
                assertThat(split.from()).isEqualTo(SplitsGradient.Stability.PROJECTION);
                assertThat(split.stability().norm()).isPositive();
                Tensor w = l.net().parameters().get("fc.0.weight").detach().clone();
                l.learn(next);
                Tensor move = l.net().parameters().get("fc.0.weight").detach().sub(w);
                Tensor g = split.sum().get(split.sum().of().indexOf("fc.0.weight"));
                assertThat(move.add(g.mul(Tensors.scalar(0.03))).abs().max().item_double())
                        .isCloseTo(0, within(1e-6));
            }
        }
    }

    @Test
    void rulesThatLeaveTheProjectionAreRefused() {
        NetConfig adam = net(OptimizerConfig.adam(0.01));
        NetConfig decays = net(OptimizerConfig.sgd(0.01).withWeightDecay(0.1));
        assertThatThrownBy(() -> new OrthogonalDescent.Config(adam, 5, Competing.ALL))
                .hasMessageContaining("ogd")
                .hasMessageContaining("kind=SGD");
        assertThatThrownBy(() -> new GradientMemory.Config(decays, 5, 0.9, 0, Competing.ALL))
                .hasMessageContaining("gpm")
                .hasMessageContaining("0.1");
        NetConfig sgd = net(OptimizerConfig.sgd(0.01));
        assertThatThrownBy(() -> new GradientMemory.Config(sgd, 5, 0, 0, Competing.ALL))
                .hasMessageContaining("threshold");
        assertThatThrownBy(() -> new OrthogonalDescent.Config(sgd, 0, Competing.ALL))
                .hasMessageContaining("rowsPerPart");
    }
}
