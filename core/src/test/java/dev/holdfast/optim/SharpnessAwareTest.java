package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.BatchScaled;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.SharpnessAware;
import dev.holdfast.optim.transform.SurrogateGap;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.List;
import java.util.function.Supplier;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sharpness-aware steps on losses whose gradients are known by hand. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class SharpnessAwareTest {
    /** Sum of fourth powers: the gradient 4 w^3 changes with the place. */
    private static Supplier<Evaluated> quartic(Parameters p) {
        return () -> {
            Tensor loss = null;
            for (Tensor t : p.tensors()) {
                Tensor q = t.mul(t);
                Tensor part = q.mul(q).sum();
                loss = loss == null ? part : loss.add(part);
            }
            return new Evaluated(loss.item_double(), Autograd.grad(loss, p, false));
        };
    }

    private static ChainOptimizer sgd(Parameters p, GradientTransform... t) {
        return new ChainOptimizer(
                p,
                List.of(t),
                new Sgd(p, 0, 0, false),
                List.of(ParamGroup.all(0.01, Constant.ONE, 0, ParamGroup.Decay.NONE)));
    }

    @Test
    void aStepTakesTheGradientAtTheTopOfTheBall() {
        try (Scope s = Scope.open()) {
            Parameters p = Leaves.of(3, new long[] {2, 2}, new long[] {3});
            double[] w = Leaves.flat(p.values());
            double norm = 0;
            for (double x : w) {
                norm += 16 * Math.pow(x, 6);
            }
            double[] expected = new double[w.length];
            for (int i = 0; i < w.length; i++) {
                // one norm over all leaves, not one a leaf
                double above = w[i] + 0.1 * 4 * Math.pow(w[i], 3) / Math.sqrt(norm);
                expected[i] = w[i] - 0.01 * 4 * Math.pow(above, 3);
            }
            Supplier<Evaluated> again = quartic(p);
            sgd(p, new SharpnessAware(0.1)).step(again.get().gradient(), again);
            assertThat(Leaves.flat(p.values())).containsExactly(expected, within(1e-12));
        }
    }

    @Test
    void theLeavesHaveTheirBitsAgainWhenTheRuleMovesThem() {
        try (Scope s = Scope.open()) {
            Parameters p = Leaves.of(4, new long[] {5});
            byte[] before = Tensors.bytes(p.get(0));
            Supplier<Evaluated> again = quartic(p);
            new SharpnessAware(0.3).apply(again.get().gradient(), new StepContext(0, p, java.util.Map.of(), again));
            assertThat(Tensors.bytes(p.get(0))).isEqualTo(before);
        }
    }

    @Test
    void withoutRadiusOrGradientTheGradientIsTheDirection() {
        try (Scope s = Scope.open()) {
            Parameters p = Leaves.of(5, new long[] {4});
            ParamVector g = Leaves.gradient(p, 1);
            StepContext once = new StepContext(0, p, java.util.Map.of(), null);
            assertThat(new SharpnessAware(0).apply(g, once)).isSameAs(g);
            ParamVector zero = g.times(0);
            assertThat(new SharpnessAware(1).apply(zero, once)).isSameAs(zero);
            assertThatThrownBy(() -> new SharpnessAware(1).apply(g, once))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("looks at its batch twice");
        }
    }

    @Test
    void theRadiusFollowsItsSchedule() {
        try (Scope s = Scope.open()) {
            Parameters p = Leaves.of(6, new long[] {4});
            SharpnessAware half = new SharpnessAware(0.2, new Constant(0.5), new SurrogateGap(0));
            Supplier<Evaluated> again = quartic(p);
            StepContext c = new StepContext(0, p, java.util.Map.of(), again);
            ParamVector g = again.get().gradient();
            assertThat(Leaves.flat(half.apply(g, c)))
                    .containsExactly(Leaves.flat(new SharpnessAware(0.1).apply(g, c)), within(1e-15));
        }
    }

    @Property(tries = 50)
    void theOrthogonalPartIsOrthogonal(
            @ForAll @IntRange(min = 1, max = 10_000) int seed, @ForAll @DoubleRange(max = 2) double alpha) {
        try (Scope s = Scope.open()) {
            Parameters p = Leaves.of(1, new long[] {3, 2}, new long[] {4});
            ParamVector g = Leaves.gradient(p, seed);
            ParamVector above = Leaves.gradient(p, seed + 20_000L);
            SurrogateGap.Split split = new SurrogateGap(alpha).split(g, above);
            assertThat(split.orthogonal().dot(above)).isCloseTo(0, within(1e-10));
            assertThat(split.cosine()).isCloseTo(g.dot(above) / g.norm() / above.norm(), within(1e-10));
            // the rest of g lies along g_p, and the direction climbs along the orthogonal part only
            ParamVector along = g.plus(-1, split.orthogonal());
            assertThat(Math.abs(along.dot(above))).isCloseTo(along.norm() * above.norm(), within(1e-9));
            assertThat(Leaves.flat(split.direction()))
                    .containsExactly(Leaves.flat(above.plus(-alpha, split.orthogonal())), within(1e-12));
        }
    }

    @Test
    void supervisedTrainingCanNarrowTheGap() {
        try (Scope s = Scope.open()) {
            Parameters p = Leaves.of(7, new long[] {4});
            Supplier<Evaluated> again = quartic(p);
            ChainOptimizer o = sgd(p, new SharpnessAware(0.05, Constant.ONE, new SurrogateGap(0.4)));
            double before = again.get().loss();
            for (int i = 0; i < 50; i++) {
                try (Scope step = Scope.open()) {
                    o.step(again.get().gradient(), again);
                }
            }
            assertThat(again.get().loss()).isLessThan(before / 2);
            assertThat(o.skipped()).isZero();
        }
    }

    @Test
    void wrongNumbersAreRefused() {
        assertThatThrownBy(() -> new SharpnessAware(-0.1)).hasMessageContaining("-0.1");
        assertThatThrownBy(() -> new SharpnessAware(Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new SurrogateGap(-1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> new BatchScaled(0)).hasMessageContaining("0");
        assertThatThrownBy(() -> new BatchScaled(2).observe(0)).hasMessageContaining("at least one row");
    }

    @Test
    void smallBatchesHaveSmallRates() {
        BatchScaled rate = new BatchScaled(32);
        assertThat(rate.at(0)).isEqualTo(1);
        rate.observe(8);
        assertThat(rate.at(1)).isEqualTo(0.25);
        BatchScaled other = new BatchScaled(32);
        other.load(rate.state());
        assertThat(other.at(1)).isEqualTo(0.25);
        rate.observe(64);
        assertThat(rate.at(2)).isEqualTo(1);
    }
}
