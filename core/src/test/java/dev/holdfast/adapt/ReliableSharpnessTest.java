package dev.holdfast.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.adapt.ReliableSharpness.Found;
import dev.holdfast.adapt.ReliableSharpness.Look;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.Evaluated;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.SharpnessAware;
import dev.holdfast.optim.transform.SurrogateGap;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The reliable step in the limits in which it is a known method, and what puts a model back. */
@ExtendWith(NativeMemory.class)
class ReliableSharpnessTest {
    private static final int CLASSES = 4;

    /** Logits (x * scale) W + shift; scale and shift adapt. */
    private static final class Toy {
        final Tensor scale = leaf(Rng.of(1).normal(ScalarType.Double, 3));
        final Tensor shift = leaf(Rng.of(2).normal(ScalarType.Double, CLASSES));
        final Tensor w = Scope.own(Rng.of(3).normal(ScalarType.Double, 3, CLASSES));
        final Tensor x = Scope.own(Rng.of(4).normal(ScalarType.Double, 12, 3));
        final Parameters theta = new Parameters(List.of(meta("scale"), meta("shift")), List.of(scale, shift));

        Supplier<Tensor> entropies() {
            return () -> EntropyFilter.entropy(x.mul(scale).matmul(w).add(shift));
        }

        ChainOptimizer sgd(dev.holdfast.optim.GradientTransform... t) {
            return new ChainOptimizer(
                    theta,
                    List.of(t),
                    new Sgd(theta, 0.9, 0, false),
                    List.of(ParamGroup.all(0.05, Constant.ONE, 0, ParamGroup.Decay.NONE)));
        }

        double[] values() {
            return Tensors.doubles(theta.values().flat());
        }
    }

    private static Tensor leaf(Tensor t) {
        return Scope.own(t).set_requires_grad(true);
    }

    private static ParamMeta meta(String name) {
        return new ParamMeta(name, ParamMeta.Role.NORM, 1, 1, false, 0);
    }

    private static ReliableSharpness step(double rho, double alpha) {
        return new ReliableSharpness(rho, new SurrogateGap(alpha));
    }

    @Test
    void withoutTheGapItIsSharpnessAwareMinimisationOfTheTrustedRows() {
        try (Scope s = Scope.open()) {
            Toy a = new Toy();
            Toy b = new Toy();
            ChainOptimizer mine = a.sgd();
            ChainOptimizer sam = b.sgd(new SharpnessAware(0.05));
            double limit = new EntropyFilter(0.6).limit(CLASSES);
            int fewer = 0;
            for (int i = 0; i < 6; i++) {
                Look l = step(0.05, 0).look(a.theta, a.entropies(), limit);
                assertThat(l.found()).isEqualTo(Found.DIRECTION);
                fewer += l.reliableTwice().length < 12 ? 1 : 0;
                mine.step(l.direction());
                // the rows are those that the filter keeps: before for the gradient, after for the gradient above
                Tensor before = Tensors.rows(b.entropies().get(), l.reliable()).mean();
                sam.step(Autograd.grad(before, b.theta, false), () -> {
                    Tensor above =
                            Tensors.rows(b.entropies().get(), l.reliableTwice()).mean();
                    return new Evaluated(above.item_double(), Autograd.grad(above, b.theta, false));
                });
                assertThat(a.values()).containsExactly(b.values(), within(1e-12));
            }
            assertThat(fewer).as("steps in which the filter did something").isPositive();
        }
    }

    @Test
    void withoutRadiusAndFilterItIsPlainEntropyMinimisation() {
        try (Scope s = Scope.open()) {
            Toy a = new Toy();
            Toy b = new Toy();
            ChainOptimizer mine = a.sgd();
            ChainOptimizer plain = b.sgd();
            for (int i = 0; i < 5; i++) {
                Look l = step(0, 0).look(a.theta, a.entropies(), new EntropyFilter(0).limit(CLASSES));
                mine.step(l.direction());
                plain.step(Autograd.grad(b.entropies().get().mean(), b.theta, false));
                assertThat(a.values()).containsExactly(b.values());
            }
        }
    }

    @Test
    void theLeavesAreBackToTheBitBeforeTheUpdate() {
        try (Scope s = Scope.open()) {
            Toy a = new Toy();
            byte[] before = Tensors.bytes(a.theta.values().flat());
            Look l = step(0.3, 0.4).look(a.theta, a.entropies(), Double.POSITIVE_INFINITY);
            assertThat(l.found()).isEqualTo(Found.DIRECTION);
            assertThat(Tensors.bytes(a.theta.values().flat())).isEqualTo(before);
            assertThat(l.split().orthogonal().dot(l.perturbedGradient())).isCloseTo(0, within(1e-10));
        }
    }

    @Test
    void whereNothingIsReliableNothingMoves() {
        try (Scope s = Scope.open()) {
            Toy a = new Toy();
            byte[] before = Tensors.bytes(a.theta.values().flat());
            Look none = step(0.05, 0.4).look(a.theta, a.entropies(), 1e-9);
            assertThat(none.found()).isEqualTo(Found.NOTHING_RELIABLE);
            assertThat(none.reliable()).isEmpty();
            assertThat(Tensors.bytes(a.theta.values().flat())).isEqualTo(before);
        }
    }

    @Test
    void rowsThatAreLostAboveDoNotComeBackAndNewOnesDoNotJoin() {
        try (Scope s = Scope.open()) {
            Tensor t = leaf(Tensors.of(new double[] {0}, 1));
            Parameters theta = new Parameters(List.of(meta("t")), List.of(t));
            // three rows with values 1 + t, 1 - 5 t and 3 - 100 t: up the mean of the first two goes towards smaller t
            Tensor start = Tensors.of(new double[] {1, 1, 3}, 3);
            Tensor slope = Tensors.of(new double[] {1, -5, 100}, 3);
            Look l = step(0.3, 0).look(theta, () -> start.add(slope.mul(t)), 2);
            assertThat(l.reliable()).containsExactly(0, 1);
            // at t = -0.3 row 1 is 2.5 and lost; row 2 is -27, below the limit, but was not trusted before
            assertThat(l.reliableTwice()).containsExactly(0);
            Look lost = step(2, 0)
                    .look(
                            theta,
                            () -> start.add(
                                    Tensors.of(new double[] {-5, -5, 0}, 3).mul(t)),
                            2);
            assertThat(lost.found()).isEqualTo(Found.NOTHING_RELIABLE);
            assertThat(t.item_double()).isZero();
        }
    }

    @Test
    void flatAndInfiniteValuesAreNamed() {
        try (Scope s = Scope.open()) {
            Toy a = new Toy();
            Look flat = step(0.1, 0.4)
                    .look(a.theta, () -> a.scale.sum().mul(Tensors.scalar(0)).add(a.x.select(1, 0)), 99);
            assertThat(flat.found()).isEqualTo(Found.FLAT);
            Look inf = step(0.1, 0.4)
                    .look(a.theta, () -> a.entropies().get().div(Tensors.scalar(0)), Double.POSITIVE_INFINITY);
            assertThat(inf.found()).isEqualTo(Found.NOT_FINITE);
        }
    }

    @Test
    void theLimitIsAShareOfTheLargestEntropy() {
        assertThat(new EntropyFilter(0.4).limit(2)).isCloseTo(0.277, within(1e-3));
        assertThat(new EntropyFilter(0.4).limit(1000)).isCloseTo(2.763, within(1e-3));
        assertThat(new EntropyFilter(0).limit(10)).isInfinite();
        assertThatThrownBy(() -> new EntropyFilter(-1)).hasMessageContaining("-1");
        try (Scope s = Scope.open()) {
            Tensor h = EntropyFilter.entropy(Tensors.of(new double[][] {{0, 0}, {1000, -1000}}));
            assertThat(Tensors.doubles(h)).containsExactly(new double[] {Math.log(2), 0}, within(1e-12));
        }
    }

    @Test
    void aModelThatIsSureOfEverythingIsPutBack() {
        try (Scope s = Scope.open()) {
            Toy a = new Toy();
            ChainOptimizer o = a.sgd();
            ModelRecovery r = new ModelRecovery(a.theta, o, 0.1);
            byte[] start = Tensors.bytes(a.theta.values().flat());
            State fresh = o.state().copy();
            ParamVector g = Autograd.grad(a.entropies().get().mean(), a.theta, false);
            o.step(g);
            double limit = 0.1 * Math.log(CLASSES);
            assertThat(r.observe(1, CLASSES)).isFalse();
            double mean = 1;
            boolean back = false;
            for (int i = 0; i < 100 && !back; i++) {
                back = r.observe(0, CLASSES);
                mean *= 0.9;
                assertThat(back).isEqualTo(mean < limit);
            }
            assertThat(back).isTrue();
            assertThat(Tensors.bytes(a.theta.values().flat())).isEqualTo(start);
            assertThat(o.state().sameAs(fresh)).isTrue();
            assertThat(r.mean()).isNaN();
            assertThat(r.resets()).isEqualTo(1);
        }
    }

    @Test
    void threeBatchesInARowThatAreNotFiniteCountAsACollapse() {
        try (Scope s = Scope.open()) {
            Toy a = new Toy();
            ChainOptimizer o = a.sgd();
            ModelRecovery r = new ModelRecovery(a.theta, o, 0);
            byte[] start = Tensors.bytes(a.theta.values().flat());
            o.step(Autograd.grad(a.entropies().get().mean(), a.theta, false));
            assertThat(r.observeNotFinite()).isFalse();
            assertThat(r.observeNotFinite()).isFalse();
            // without a share nothing counts as too sure
            assertThat(r.observe(0, CLASSES)).isFalse();
            assertThat(r.observeNotFinite()).isFalse();
            assertThat(r.observeNotFinite()).isFalse();
            assertThat(r.observeNotFinite()).isTrue();
            assertThat(Tensors.bytes(a.theta.values().flat())).isEqualTo(start);
            assertThat(r.notFinite()).isEqualTo(5);
        }
    }

    @Test
    void thePublishedThresholdIsThatOfAThousandClasses() {
        assertThat(ModelRecovery.SHARE * Math.log(1000)).isCloseTo(0.2, within(1e-15));
        assertThatThrownBy(() -> ModelRecovery.requireShare(1)).hasMessageContaining("1.0");
    }
}
