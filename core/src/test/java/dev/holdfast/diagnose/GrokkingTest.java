package dev.holdfast.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.synth.ModularArithmetic;
import dev.holdfast.data.synth.ModularArithmetic.Encoding;
import dev.holdfast.data.synth.ModularArithmetic.Operation;
import dev.holdfast.data.synth.SparseParity;
import dev.holdfast.diagnose.logits.NaiveMinimisation;
import dev.holdfast.diagnose.logits.SoftmaxCollapse;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.stable.Precision;
import dev.holdfast.loss.stable.StableMax;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.transform.PerpendicularGradient;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
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

@ExtendWith(NativeMemory.class)
class GrokkingTest {
    private static Tensor normal(long seed, long... shape) {
        return Rng.of(seed).normal(ScalarType.Double, shape);
    }

    private static LossInput input(Tensor z, long... y) {
        return new LossInput(
                z,
                Target.ClassIds.of(y),
                Rows.of(IntStream.range(0, y.length).asLongStream().toArray()),
                ClassIndex.numbered((int) z.size(1)));
    }

    /** StableMax is the softmax of sign(z) log(1 + |z|), and a distribution for logits of any size. */
    @Test
    void stableMaxIsASoftmaxOfLogarithms() {
        try (Scope s = Scope.open()) {
            Tensor z = normal(1, 20, 6).mul(Tensors.scalar(30));
            Tensor g = z.sgn().mul(z.abs().log1p());
            Tensor direct = StableMax.s(z).div(StableMax.s(z).sum(1).unsqueeze(1));
            assertThat(Tensors.doubles(direct)).containsExactly(Tensors.doubles(g.softmax(1)), within(1e-12));
            Tensor huge = Tensors.of(new double[][] {{1e30, -1e30, 0}});
            double[] p = Tensors.doubles(StableMax.logarithm(huge).softmax(1));
            assertThat(p[0] + p[1] + p[2]).isCloseTo(1, within(1e-12));
            assertThat(p[2]).isPositive();
        }
    }

    /** The derivative is 1 at 0 from both sides, and finite at 1, where the other branch would divide by 0. */
    @ParameterizedTest
    @ValueSource(strings = {"Float", "Double"})
    void gradientsAreFiniteWhereBranchesMeet(String dtype) {
        try (Scope s = Scope.open()) {
            Tensor z = Tensors.of(new double[][] {{0, 1, -1, 2}, {1, 1, 0, 0}})
                    .to(ScalarType.valueOf(dtype))
                    .set_requires_grad(true);
            Parameters p =
                    new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.HIDDEN, 1, 4, true, 0)), List.of(z));
            Tensor g = Autograd.grad(new StableMax(0).value(input(z, 1, 0)).total(null), p, false)
                    .get(0);
            assertThat(Tensors.finite(g)).isTrue();
            Tensor x = Tensors.of(new double[] {0}, 1).set_requires_grad(true);
            Parameters one =
                    new Parameters(List.of(new ParamMeta("x", ParamMeta.Role.HIDDEN, 1, 1, true, 0)), List.of(x));
            assertThat(Tensors.item(Autograd.grad(StableMax.logarithm(x).sum(), one, false)
                            .get(0)))
                    .isEqualTo(1);
        }
    }

    /** With one rival, a precision's softmax collapses above its gap and not below; the loss of StableMax stays above 0. */
    @Test
    void softmaxCollapsesAtThePrecisionsGap() {
        try (Scope s = Scope.open()) {
            double[] below = {7.4, 16.5, 36.6};
            double[] above = {7.8, 16.8, 36.9};
            for (Precision p : Precision.values()) {
                int i = p.ordinal();
                assertThat(SoftmaxCollapse.share(Tensors.of(new double[][] {{below[i], 0}}), p))
                        .isZero();
                assertThat(SoftmaxCollapse.share(Tensors.of(new double[][] {{above[i], 0}, {0, above[i]}}), p))
                        .isEqualTo(1);
            }
            Tensor z = Tensors.of(new double[][] {{1e6, 0}, {1e4, -1e4}});
            Tensor losses = new StableMax(0).value(input(z, 0, 0)).perSample();
            assertThat(SoftmaxCollapse.zeroLosses(losses)).isZero();
            assertThat(SoftmaxCollapse.zeroLabelGradients(Tensors.of(new double[][] {{0, 1}, {1, 0}}), 0, 0))
                    .isEqualTo(0.5);
            assertThatThrownBy(() -> SoftmaxCollapse.share(z.div(Tensors.scalar(0)), Precision.FLOAT32))
                    .hasMessageContaining("logits");
        }
    }

    private static Parameters leaves(Tensor... t) {
        List<ParamMeta> meta = IntStream.range(0, t.length)
                .mapToObj(i -> new ParamMeta("p" + i, ParamMeta.Role.HIDDEN, 1, 1, true, 0))
                .toList();
        return new Parameters(meta, Arrays.asList(t));
    }

    private static double dot(Tensor a, Tensor b) {
        return Tensors.item(a.mul(b).sum());
    }

    @ParameterizedTest
    @EnumSource(PerpendicularGradient.Scope.class)
    void projectedGradientsAreOrthogonalToTheWeights(PerpendicularGradient.Scope scope) {
        try (Scope s = Scope.open()) {
            Parameters p = leaves(normal(1, 4, 3), normal(2, 5));
            ParamVector g = new ParamVector(p, new Tensor[] {normal(3, 4, 3), normal(4, 5)});
            StepContext at = new StepContext(0, p, Map.of(), null);
            ParamVector perp = new PerpendicularGradient(scope, false, true).apply(g, at);
            ParamVector scaled = new PerpendicularGradient(scope, true, true).apply(g, at);
            ParamVector w = p.values();
            if (scope == PerpendicularGradient.Scope.WHOLE) {
                assertThat(perp.dot(w)).isCloseTo(0, within(1e-12));
                assertThat(scaled.norm()).isCloseTo(g.norm(), within(1e-12));
            } else {
                for (int i = 0; i < 2; i++) {
                    assertThat(dot(perp.get(i), w.get(i))).isCloseTo(0, within(1e-12));
                    assertThat(Tensors.item(scaled.get(i).norm()))
                            .isCloseTo(Tensors.item(g.get(i).norm()), within(1e-12));
                }
            }
            // a plain step along it adds to the squared length what Pythagoras says
            double eta = 0.3;
            ParamVector moved = w.plus(-eta, perp);
            assertThat(moved.dot(moved)).isCloseTo(w.dot(w) + eta * eta * perp.dot(perp), within(1e-10));
        }
    }

    @Test
    void nothingIsScaledUpFromRounding() {
        try (Scope s = Scope.open()) {
            Tensor w = normal(5, 6);
            Parameters p = leaves(w, Tensors.zeros(ScalarType.Double, 3), Tensors.of(new double[] {2}, 1));
            StepContext at = new StepContext(0, p, Map.of(), null);
            Tensor[] g = {w.mul(Tensors.scalar(3)), normal(6, 3), Tensors.of(new double[] {5}, 1)};
            ParamVector r = new PerpendicularGradient().apply(new ParamVector(p, g), at);
            assertThat(Tensors.doubles(r.get(0).abs())).containsOnly(0);
            assertThat(Tensors.doubles(r.get(1))).containsExactly(Tensors.doubles(g[1]), within(1e-12));
            assertThat(Tensors.doubles(r.get(2).abs())).containsOnly(0);
            ParamVector zero = new PerpendicularGradient()
                    .apply(new ParamVector(p, new Tensor[] {Tensors.zerosLike(w, 6), null, null}), at);
            assertThat(Tensors.doubles(zero.get(0).abs())).containsOnly(0);
            assertThat(zero.get(1)).isNull();
            ParamVector left = new PerpendicularGradient(PerpendicularGradient.Scope.PER_TENSOR, true, false)
                    .apply(new ParamVector(p, g), at);
            assertThat(Tensors.doubles(left.get(0))).containsExactly(Tensors.doubles(g[0]));
        }
    }

    /** An optimizer with the guard moves across the weights, without it along them. */
    @Test
    void theGuardIsAnOptionOfEveryOptimizer() {
        Tensor leaf = Scope.own(normal(7, 5)).set_requires_grad(true);
        try (Scope s = Scope.open()) {
            Parameters p = leaves(leaf);
            Tensor before = leaf.detach().clone();
            ParamVector along = new ParamVector(p, new Tensor[] {before.mul(Tensors.scalar(2))});
            OptimizerConfig.sgd(0.1)
                    .withGuard(OptimizerConfig.Guard.PERPENDICULAR)
                    .build(p)
                    .step(along);
            assertThat(Tensors.doubles(leaf.detach())).containsExactly(Tensors.doubles(before));
            OptimizerConfig.sgd(0.1).build(p).step(along);
            assertThat(Tensors.doubles(leaf.detach()))
                    .containsExactly(Tensors.doubles(before.mul(Tensors.scalar(0.8))), within(1e-12));
        }
        leaf.close();
        assertThat(LossConfig.all()).containsKeys("stablemax", "precise-cross-entropy");
    }

    @Test
    void scalingLogitsIsTold() {
        try (Scope s = Scope.open()) {
            Tensor z = normal(8, 4, 3);
            assertThat(NaiveMinimisation.scaling(z, z.mul(Tensors.scalar(1.01))))
                    .isCloseTo(1, within(1e-9));
            assertThat(NaiveMinimisation.scaling(z, z.mul(Tensors.scalar(0.99))))
                    .isCloseTo(-1, within(1e-9));
            Parameters p = leaves(normal(9, 3), normal(10, 2));
            NaiveMinimisation n = NaiveMinimisation.of(
                    p, new ParamVector(p, new Tensor[] {p.get(0).neg(), null}));
            assertThat(n.whole()).isCloseTo(1, within(1e-12));
            assertThat(n.perTensor()[1]).isNaN();
        }
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void arithmeticIsSplitEncodedAndSpoiltAsAsked(Operation op) {
        ModularArithmetic m =
                ModularArithmetic.of(new ModularArithmetic.Config(7, op, Encoding.INDEX, 0.5, 0.25), Rng.of(3));
        assertThat(m.train().size()).isEqualTo(24);
        assertThat(m.test().size()).isEqualTo(25);
        assertThat(m.corrupted()).containsExactly(0, 1, 2, 3, 4, 5);
        long[] given = m.train().classIds();
        assertThat(Arrays.copyOfRange(given, 6, 24)).containsExactly(Arrays.copyOfRange(m.truth(), 6, 24));
        try (Scope s = Scope.open()) {
            double[][] x = Tensors.rows(
                    m.test().rows(IntStream.range(0, 25).toArray()).inputs().x());
            long[] y = m.test().classIds();
            for (int i = 0; i < 25; i++) {
                assertThat(y[i]).isEqualTo(op.of((int) x[i][0], (int) x[i][1], 7));
                assertThat(m.test().id(i)).isEqualTo((long) (7 * x[i][0] + x[i][1]));
            }
            MemoryDataset hot = ModularArithmetic.of(
                            new ModularArithmetic.Config(7, op, Encoding.ONE_HOT, 0.5, 0), Rng.of(3))
                    .train();
            assertThat(Tensors.doubles(hot.rows(0, 1).inputs().x().sum(1))).containsOnly(2);
            // the same seed makes the same split, whatever the encoding
            assertThat(hot.id(0)).isEqualTo(m.train().id(0));
            MemoryDataset bits = ModularArithmetic.of(
                            new ModularArithmetic.Config(7, op, Encoding.BINARY, 0.5, 0), Rng.of(3))
                    .train();
            double[] first = Tensors.doubles(bits.rows(0).inputs().x());
            assertThat(first).hasSize(6);
            assertThat((int) (first[0] + 2 * first[1] + 4 * first[2])).isEqualTo((int) (hot.id(0) / 7));
        }
        assertThatThrownBy(() -> new ModularArithmetic.Config(1, 0.5)).hasMessageContaining("modulus");
        assertThatThrownBy(() -> new ModularArithmetic.Config(7, 1)).hasMessageContaining("fraction");
        assertThatThrownBy(() -> ModularArithmetic.of(new ModularArithmetic.Config(2, 0.1), Rng.of(1)))
                .hasMessageContaining("4 pairs");
    }

    @Test
    void parityIsDecidedByItsBits() {
        MemoryDataset d = SparseParity.of(3, 4, 50, Rng.of(4));
        try (Scope s = Scope.open()) {
            double[][] x = Tensors.rows(
                    d.rows(IntStream.range(0, 50).toArray()).inputs().x());
            long[] y = d.classIds();
            for (int i = 0; i < 50; i++) {
                assertThat(y[i]).isEqualTo((long) (x[i][0] + x[i][1] + x[i][2]) % 2);
            }
            assertThat(Arrays.stream(y).sum()).isBetween(10L, 40L);
        }
        assertThatThrownBy(() -> SparseParity.of(0, 4, 50, Rng.of(4))).hasMessageContaining("deciding bit");
    }
}
