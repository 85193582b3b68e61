package dev.holdfast.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.corrupt.OpposingPlanter;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.diagnose.curvature.Block;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.curvature.Preconditioned;
import dev.holdfast.diagnose.signals.Evidence;
import dev.holdfast.diagnose.signals.OpposingSignals;
import dev.holdfast.diagnose.signals.OpposingToy;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.nn.small.TwoLayerLinear;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.rule.SplitSgd;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class OpposingSignalsTest {
    private static Tensor normal(long seed, long... shape) {
        return Rng.of(seed).normal(ScalarType.Double, shape);
    }

    /** At the edge of stability the two planted groups are what is found, on either side. */
    @Test
    void findsTheGroupsOfTheToy() {
        try (Scope s = Scope.open()) {
            OpposingToy toy = OpposingToy.of(new OpposingToy.Config(), Rng.of(1));
            TwoLayerLinear start = new TwoLayerLinear(
                    normal(2, 20, 11).mul(Tensors.scalar(0.15)), normal(3, 20).mul(Tensors.scalar(0.15)));
            // near gradient flow to the plateau, then again from the start with a rate whose edge lies below it
            TwoLayerLinear flow = start;
            for (int t = 0; t < 1500; t++) {
                flow = flow.minus(flow.gradient(toy.x(), toy.y()), 0.01);
            }
            LinearOperator h = flow.hessian(toy.x(), toy.y());
            double rate = 2
                    / (0.8
                            * new Lanczos((int) h.size(), 1e-6)
                                    .run(h, normal(4, h.size()))
                                    .largest());
            OpposingSignals seen = new OpposingSignals(200, 10, 12);
            TwoLayerLinear net = start;
            double least = Double.POSITIVE_INFINITY;
            for (int t = 0; t < 500; t++) {
                double[] before = Tensors.doubles(net.losses(toy.x(), toy.y()));
                double loss = Arrays.stream(before).average().orElseThrow();
                least = Math.min(least, loss);
                if (loss > 2 * least) {
                    break;
                }
                net = net.minus(net.gradient(toy.x(), toy.y()), rate);
                seen.observe(t, before, Tensors.doubles(net.losses(toy.x(), toy.y())));
            }
            OpposingSignals.Report r = seen.report(20);
            assertThat(r.found()).isTrue();
            assertThat(r.alternation()).isGreaterThan(0.9);
            assertThat(r.opposite()).isGreaterThan(0.9);
            long planted = IntStream.concat(Arrays.stream(r.a()), Arrays.stream(r.b()))
                    .filter(i -> toy.group()[i] > 0)
                    .count();
            assertThat(planted / (double) (r.a().length + r.b().length)).isGreaterThanOrEqualTo(0.9);
            assertThat(Arrays.stream(r.a())
                            .filter(i -> toy.group()[i] > 0)
                            .map(i -> toy.group()[i])
                            .distinct())
                    .hasSize(1);
        }
    }

    /** Two mirrored rows with equal targets and nothing on the outlier's weight pull exactly against each other. */
    @Test
    void mirroredRowsHaveOppositeGradients() {
        try (Scope s = Scope.open()) {
            Tensor w = normal(5, 4, 3);
            w.select(1, 2).zero_();
            TwoLayerLinear net = new TwoLayerLinear(w, normal(6, 4));
            Tensor y = Tensors.of(new double[] {1.5}, 1);
            Tensor plus = net.gradient(Tensors.of(new double[][] {{0, 0, 4}}), y);
            Tensor minus = net.gradient(Tensors.of(new double[][] {{0, 0, -4}}), y);
            assertThat(Tensors.doubles(plus.add(minus))).containsOnly(0);
            assertThat(Tensors.item(plus.norm())).isPositive();
        }
    }

    /** Rows' gradients and Hessians add up to those of all rows; closed forms agree with automatic ones. */
    @Test
    void groupsAddUp() {
        Tensor w = Scope.own(normal(7, 4, 3)).set_requires_grad(true);
        Tensor v = Scope.own(normal(8, 4)).set_requires_grad(true);
        Parameters p = new Parameters(
                List.of(
                        new ParamMeta("w", ParamMeta.Role.HIDDEN, 3, 4, true, 0),
                        new ParamMeta("v", ParamMeta.Role.HEAD, 4, 1, true, 0)),
                List.of(w, v));
        record Toy(Parameters parameters, Tensor y) implements Objective {
            @Override
            public LossValue at(Batch b) {
                Tensor f = b.inputs().x().matmul(parameters.get(1).matmul(parameters.get(0)));
                int[] at =
                        Arrays.stream(b.rows().ids()).mapToInt(Math::toIntExact).toArray();
                Tensor miss = f.sub(Tensors.rows(y, at));
                return new SampleLosses("s", miss.mul(miss).div(Tensors.scalar(2)), LossValue.Reduction.MEAN);
            }

            @Override
            public DataSource data() {
                return null;
            }
        }
        try (Scope s = Scope.open()) {
            Tensor x = normal(9, 6, 3);
            Tensor y = normal(10, 6);
            TwoLayerLinear net = new TwoLayerLinear(w.detach(), v.detach());
            Toy loss = new Toy(p, y);
            Batch all = batch(x, 0, 6);
            Batch a = batch(x, 0, 2);
            Batch b = batch(x, 2, 6);
            Evidence e = Evidence.of(loss, a, b, List.of(all), Rng.of(1), new Lanczos(16, 0));
            double[][] dense = new double[16][];
            for (int i = 0; i < 16; i++) {
                Tensor unit = Tensors.zeros(ScalarType.Double, 16);
                unit.select(0, i).add_(Tensors.scalar(1));
                dense[i] = Tensors.doubles(net.hessian(x, y).apply(unit));
            }
            Tensor h = Tensors.of(dense);
            LinearAlgebra.Eigen eigen = LinearAlgebra.eigh(h.add(h.t()).div(Tensors.scalar(2)));
            assertThat(e.largest()).isCloseTo(Tensors.item(eigen.values().max()), within(1e-6));
            assertThat(e.curvatureA() + e.curvatureB()).isCloseTo(1, within(1e-9));
            Tensor ga = net.gradient(Tensors.slice(x, 0, 2), Tensors.slice(y, 0, 2));
            Tensor gb = net.gradient(Tensors.slice(x, 2, 6), Tensors.slice(y, 2, 6));
            assertThat(e.cosine())
                    .isCloseTo(
                            Tensors.item(ga.dot(gb)) / Tensors.item(ga.norm()) / Tensors.item(gb.norm()), within(1e-9));
            Tensor full = ga.mul(Tensors.scalar(2 / 6.0)).add(gb, Tensors.scalar(4 / 6.0));
            assertThat(e.ratioA()).isCloseTo(Tensors.item(ga.norm()) / Tensors.item(full.norm()), within(1e-9));
            // a layer's block of the Hessian
            Tensor block = h.narrow(0, 12, 4).narrow(1, 12, 4);
            Block last = new Block(net.hessian(x, y), 12, 16);
            assertThat(new Lanczos(4, 0).run(last, normal(11, 4)).ritz())
                    .containsExactly(
                            Tensors.doubles(
                                    LinearAlgebra.eigh(block.add(block.t()).div(Tensors.scalar(2)))
                                            .values()
                                            .flip(0)),
                            within(1e-8));
            // what Adam meets: entries scaled by the roots of both their preconditioners
            Tensor d = normal(12, 16).abs().add(Tensors.scalar(0.1));
            Tensor scaled = h.div(d.sqrt().unsqueeze(1)).div(d.sqrt().unsqueeze(0));
            assertThat(new Lanczos(16, 0)
                            .run(new Preconditioned(net.hessian(x, y), d), normal(13, 16))
                            .largest())
                    .isCloseTo(
                            Tensors.item(
                                    LinearAlgebra.eigh(scaled.add(scaled.t()).div(Tensors.scalar(2)))
                                            .values()
                                            .max()),
                            within(1e-8));
            assertThatThrownBy(() -> new Preconditioned(net.hessian(x, y), d.neg()))
                    .hasMessageContaining("> 0");
            assertThatThrownBy(() -> new Block(net.hessian(x, y), 12, 17)).hasMessageContaining("12..17");
            assertThatThrownBy(() -> Evidence.of(loss, batch(x, 0, 0), b, List.of(all), Rng.of(1)))
                    .hasMessageContaining("rows in both groups");
        }
        w.close();
        v.close();
    }

    private static Batch batch(Tensor x, int from, int to) {
        long[] ids = IntStream.range(from, to).mapToLong(i -> i).toArray();
        return new Batch(Inputs.of(Tensors.slice(x, from, to)), Target.ClassIds.of(new long[ids.length]), Rows.of(ids));
    }

    /** The order of rows is of no account: the same rows are found under their new places. */
    @Test
    void permutedRowsArePermutedFindings() {
        Rng rng = Rng.of(14);
        int n = 30;
        int[] order = rng.child("order").permutation(n);
        OpposingSignals plain = new OpposingSignals(n, 5, 10);
        OpposingSignals turned = new OpposingSignals(n, 5, 10);
        for (int t = 0; t < 12; t++) {
            double[] before = new double[n];
            double[] after = new double[n];
            for (int i = 0; i < n; i++) {
                double swing = i < 6 ? (i % 2 == 0 ? 5 : -5) * (t % 2 == 0 ? 1 : -1) : 0;
                after[i] = swing + rng.child("step", t, i).nextGaussian();
            }
            plain.observe(t, before, after);
            turned.observe(
                    t, before, IntStream.of(order).mapToDouble(i -> after[i]).toArray());
        }
        assertThat(plain.steps()).isEqualTo(10);
        OpposingSignals.Report r = plain.report(6);
        assertThat(IntStream.concat(Arrays.stream(r.a()), Arrays.stream(r.b())).sorted())
                .containsExactly(0, 1, 2, 3, 4, 5);
        OpposingSignals.Report t = turned.report(6);
        assertThat(Arrays.stream(t.a()).map(i -> order[i]).toArray()).containsExactly(r.a());
        assertThat(Arrays.stream(t.b()).map(i -> order[i]).toArray()).containsExactly(r.b());
    }

    @Test
    void losesNothingToBadInput() {
        OpposingSignals seen = new OpposingSignals(4, 1, 5);
        seen.observe(0, new double[4], new double[] {1, -1, 0, 0});
        assertThatThrownBy(() -> seen.observe(1, new double[3], new double[4]))
                .hasMessageContainingAll("Step 1", "Maybe");
        seen.observe(1, new double[4], new double[] {-1, 1, 0, 0});
        seen.observe(2, new double[4], new double[] {Double.NaN, 1, 0, 0});
        seen.observe(3, new double[4], new double[] {1, -1, 0, 0});
        OpposingSignals.Report r = seen.report(2);
        assertThat(r.steps()).isEqualTo(2);
        assertThat(r.note()).contains("row 0", "step 2");
        assertThat(r.a()).hasSize(1);
        assertThat(r.b()).hasSize(1);
        // nothing moves: no groups
        OpposingSignals still = new OpposingSignals(4, 1, 5);
        assertThat(still.report(2).found()).isFalse();
        assertThatThrownBy(() -> new OpposingSignals(4, 3, 5)).hasMessageContainingAll("4 rows", "k = 3");
        assertThatThrownBy(() -> new OpposingSignals(4, 1, 1)).hasMessageContaining("window");
        assertThatThrownBy(() -> still.report(1)).hasMessageContaining("candidates");
        assertThatThrownBy(() -> new OpposingToy.Config(1, 3, 2, 1, 1)).hasMessageContaining("groups of 2");
    }

    /** An infinite threshold is dampened momentum, 0 the sign of it; without momentum or dampening it is plain SGD. */
    @Test
    void splitSgdHasItsRivalsAsLimits() {
        Tensor leaf = Scope.own(normal(15, 5)).set_requires_grad(true);
        Parameters p = new Parameters(List.of(new ParamMeta("p", ParamMeta.Role.HIDDEN, 1, 5, true, 0)), List.of(leaf));
        try (Scope s = Scope.open()) {
            StepContext c = new StepContext(0, p, Map.of(), null);
            SplitSgd plain = new SplitSgd(p, 0, 0, Double.POSITIVE_INFINITY, 1);
            SplitSgd sign = new SplitSgd(p, 0.9, 0.9, 0, 2);
            SplitSgd dampened = SplitSgd.dampened(p);
            for (int t = 0; t < 3; t++) {
                ParamVector g = new ParamVector(p, new Tensor[] {normal(20 + t, 5)});
                assertThat(Tensors.doubles(plain.direction(g, c).get(0)))
                        .containsExactly(
                                Tensors.doubles(new Sgd(p).direction(g, c).get(0)));
                Tensor m = dampened.direction(g, c).get(0);
                assertThat(Tensors.doubles(sign.direction(g, c).get(0)))
                        .containsExactly(Tensors.doubles(m.sgn().mul(Tensors.scalar(2))));
            }
            SplitSgd again = new SplitSgd(p, 0.9, 0.9, 0.5, 1);
            again.load(dampened.state().copy());
            ParamVector g = new ParamVector(p, new Tensor[] {normal(30, 5)});
            assertThat(Tensors.doubles(again.copy().moments().get("momentum").get(0)))
                    .containsExactly(
                            Tensors.doubles(dampened.moments().get("momentum").get(0)));
            assertThat(again.direction(g, c).get(0).abs().max().item_double()).isLessThanOrEqualTo(1);
            assertThatThrownBy(() -> new SplitSgd(p, 1, 0, 1, 1)).hasMessageContaining("momentum");
            assertThatThrownBy(() -> new SplitSgd(p, 0, 0, -1, 1)).hasMessageContaining("threshold");
        }
        leaf.close();
    }

    @Test
    void splitSgdByQuantileCutsTheLargestOfAllLeavesWhateverTheScale() {
        Tensor a = Scope.own(normal(15, 4)).set_requires_grad(true);
        Tensor b = Scope.own(normal(16, 1)).set_requires_grad(true);
        Parameters p = new Parameters(
                List.of(
                        new ParamMeta("a", ParamMeta.Role.HIDDEN, 1, 4, true, 0),
                        new ParamMeta("b", ParamMeta.Role.HIDDEN, 1, 1, true, 0)),
                List.of(a, b));
        try (Scope s = Scope.open()) {
            StepContext c = new StepContext(0, p, Map.of(), null);
            for (double scale : new double[] {1, 1e-6}) {
                SplitSgd cut = SplitSgd.byQuantile(p, 0, 0, 0.6, 1);
                SplitSgd twice = SplitSgd.byQuantile(p, 0, 0, 0.6, 2);
                ParamVector g = new ParamVector(p, new Tensor[] {
                    Tensors.of(new double[] {1 * scale, -9 * scale, 2 * scale, -3 * scale}, 4),
                    Tensors.of(new double[] {40 * scale}, 1)
                });
                // of 1, 2, 3, 9, 40 three fifths are at most 3
                assertThat(Tensors.doubles(cut.direction(g, c).get(0)))
                        .containsExactly(1 * scale, -3 * scale, 2 * scale, -3 * scale);
                assertThat(Tensors.doubles(cut.copy().direction(g, c).get(1))).containsExactly(3 * scale);
                assertThat(Tensors.doubles(twice.direction(g, c).get(0)))
                        .containsExactly(1 * scale, -6 * scale, 2 * scale, -3 * scale);
            }
            assertThatThrownBy(() -> SplitSgd.byQuantile(p, 0, 0, 1, 1)).hasMessageContaining("quantile");
        }
        a.close();
        b.close();
    }

    @Test
    void plantsAFeatureInTwoClasses() {
        MemoryDataset data = Clouds.of(4, 10, 3, 1, "train");
        WithTruth<Set<Long>> planted = new OpposingPlanter(1, 2, 0.3, 2, 7).apply(data, Rng.of(2));
        assertThat(planted.truth()).hasSize(6);
        try (Scope s = Scope.open()) {
            int[] all = IntStream.range(0, 40).toArray();
            double[][] before = Tensors.rows(data.rows(all).inputs().x());
            double[][] after = Tensors.rows(planted.data().rows(all).inputs().x());
            long[] y = data.classIds();
            for (int i = 0; i < 40; i++) {
                boolean changed = planted.truth().contains(data.id(i));
                assertThat(changed && y[i] != 1 && y[i] != 2).isFalse();
                assertThat(after[i][0] - before[i][0]).isCloseTo(changed ? 7 : 0, within(1e-5));
                assertThat(after[i][1] - before[i][1]).isCloseTo(changed ? 7 : 0, within(1e-5));
                assertThat(after[i][2]).isEqualTo(before[i][2]);
            }
        }
        assertThatThrownBy(() -> new OpposingPlanter(1, 1, 0.3, 2, 7)).hasMessageContaining("two classes");
        assertThatThrownBy(() -> new OpposingPlanter(1, 9, 0.3, 2, 7).apply(data, Rng.of(1)))
                .hasMessageContaining("Class 9");
        assertThatThrownBy(() -> new OpposingPlanter(1, 2, 0.3, 99, 7)
                        .apply(data, Rng.of(1))
                        .data()
                        .rows(0))
                .hasMessageContaining("99");
    }
}
