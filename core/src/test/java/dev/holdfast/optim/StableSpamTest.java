package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.AdamReset;
import dev.holdfast.optim.rule.Lion;
import dev.holdfast.optim.rule.Spam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.AdaptiveClip;
import dev.holdfast.optim.transform.AdaptiveNorm;
import dev.holdfast.optim.transform.SpikeClip;
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
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class StableSpamTest {
    private final Tensor a = Scope.own(normal(1, 3, 4)).set_requires_grad(true);
    private final Tensor b = Scope.own(normal(2, 5)).set_requires_grad(true);
    private final Parameters p = new Parameters(
            List.of(
                    new ParamMeta("a", ParamMeta.Role.HIDDEN, 4, 3, true, 0),
                    new ParamMeta("b", ParamMeta.Role.BIAS, 1, 5, true, 0)),
            List.of(a, b));

    @AfterEach
    void free() {
        a.close();
        b.close();
    }

    private static Tensor normal(long seed, long... shape) {
        return Rng.of(seed).normal(ScalarType.Double, shape);
    }

    private ParamVector gradient(long seed, double scale) {
        return new ParamVector(p, new Tensor[] {
            normal(seed, 3, 4).mul(Tensors.scalar(scale)), normal(seed + 50, 5).mul(Tensors.scalar(scale))
        });
    }

    private StepContext at(long step) {
        return new StepContext(step, p, Map.of(), null);
    }

    /** Never reset it is Adam, in every step. */
    @Test
    void withoutResetsItIsAdam() {
        try (Scope s = Scope.open()) {
            AdamReset never = new AdamReset(p, 0.9, 0.999, 1e-8, 0, AdamReset.Reset.PAPER, Constant.ONE);
            Adam adam = new Adam(p, 0.9, 0.999, 1e-8);
            for (int t = 0; t < 4; t++) {
                ParamVector g = gradient(10 + t, 1);
                ParamVector u = never.direction(g, at(t));
                ParamVector v = adam.direction(g, at(t));
                assertThat(Tensors.doubles(u.flat())).containsExactly(Tensors.doubles(v.flat()), within(1e-12));
            }
            // a reset is the first step of a fresh one
            AdamReset third = new AdamReset(p, 0.9, 0.999, 1e-8, 3, AdamReset.Reset.PAPER, Constant.ONE);
            third.direction(gradient(1, 1), at(0));
            third.direction(gradient(2, 1), at(1));
            ParamVector fresh = new Adam(p, 0.9, 0.999, 1e-8).direction(gradient(3, 1), at(0));
            assertThat(Tensors.doubles(third.direction(gradient(3, 1), at(2)).flat()))
                    .containsExactly(Tensors.doubles(fresh.flat()), within(1e-12));
        }
    }

    /** Lengths are 1 in the first step and for gradients of constant length; scaling all gradients changes nothing. */
    @Test
    void normsAreOne() {
        try (Scope s = Scope.open()) {
            AdaptiveNorm norm = new AdaptiveNorm();
            AdaptiveNorm scaled = new AdaptiveNorm();
            for (int t = 0; t < 5; t++) {
                ParamVector g = gradient(t, 1);
                ParamVector unit = g.map((m, x) -> x.div(x.norm()));
                ParamVector out = norm.apply(unit, at(t));
                for (int i = 0; i < 2; i++) {
                    assertThat(Tensors.item(out.get(i).norm())).isCloseTo(1, within(1e-7));
                }
                ParamVector large = scaled.apply(unit.times(1e3), at(t));
                assertThat(Tensors.doubles(large.flat())).containsExactly(Tensors.doubles(out.flat()), within(1e-7));
            }
            AdaptiveNorm one = new AdaptiveNorm();
            ParamVector first = one.apply(gradient(9, 3), at(0));
            assertThat(Tensors.item(first.get(0).norm())).isCloseTo(1, within(1e-7));
            // nothing to scale: stays 0, and counts
            ParamVector zero = one.apply(new ParamVector(p, new Tensor[] {Tensors.zerosLike(a, 3, 4), null}), at(1));
            assertThat(Tensors.doubles(zero.get(0))).containsOnly(0);
            assertThat(zero.get(1)).isNull();
            assertThat(one.lengths()[0]).isPositive();
        }
    }

    /** Nothing exceeds the running average of the largest entry; a constant largest entry is left alone. */
    @Test
    void spikesAreBroughtDown() {
        try (Scope s = Scope.open()) {
            AdaptiveClip clip = new AdaptiveClip(0.9, 0);
            double[] before = Tensors.doubles(gradient(1, 1).get(0));
            assertThat(Tensors.doubles(clip.apply(gradient(1, 1), at(0)).get(0)))
                    .containsExactly(before, within(1e-12));
            for (int t = 1; t < 4; t++) {
                assertThat(Tensors.doubles(clip.apply(gradient(1, 1), at(t)).get(0)))
                        .containsExactly(before, within(1e-9));
            }
            ParamVector spiked = clip.apply(gradient(1, 100), at(4));
            double hat = clip.averages()[0] / (1 - Math.pow(0.9, 5));
            assertThat(Tensors.item(spiked.get(0).abs().max())).isCloseTo(hat, within(1e-9));
            assertThat(hat)
                    .isLessThan(100 * Tensors.item(gradient(1, 1).get(0).abs().max()));
            AdaptiveClip again = new AdaptiveClip(0.9, 0);
            again.load(clip.state().copy());
            assertThat(Tensors.doubles(again.apply(gradient(3, 1), at(5)).flat()))
                    .containsExactly(
                            Tensors.doubles(clip.apply(gradient(3, 1), at(5)).flat()));
        }
    }

    /** After a reset steps are small and grow; entries outside the mask do not move. */
    @Test
    void spamStartsGentlyAndMovesOnlyItsEntries() {
        try (Scope s = Scope.open()) {
            Spam rule = new Spam(p, new Spam.Config(0.9, 0.999, 1e-6, 4, 3, 0.5), Rng.of(3));
            double[] lengths = new double[8];
            for (int t = 0; t < 8; t++) {
                ParamVector u = rule.direction(gradient(1, 1), at(t));
                lengths[t] = u.norm();
                long still = Tensors.doubles(u.get(0)).length
                        - Arrays.stream(Tensors.doubles(u.get(0)))
                                .filter(x -> x != 0)
                                .count();
                assertThat(still).isBetween(1L, 11L);
            }
            assertThat(lengths[3]).isLessThan(0.1 * lengths[2]);
            assertThat(lengths[4]).isGreaterThan(lengths[3]);
            Spam again = new Spam(p, new Spam.Config(0.9, 0.999, 1e-6, 4, 3, 0.5), Rng.of(3));
            again.load(rule.state().copy());
            assertThat(Tensors.doubles(again.direction(gradient(2, 1), at(8)).flat()))
                    .containsExactly(Tensors.doubles(
                            rule.copy().direction(gradient(2, 1), at(8)).flat()));
        }
    }

    @Test
    void theAdaptiveGuardIsAnOption() {
        try (Scope s = Scope.open()) {
            OptimizerConfig with = OptimizerConfig.sgd(0.1).withGuard(OptimizerConfig.Guard.ADAPTIVE);
            double[] before = Tensors.doubles(a.detach());
            with.build(p).step(gradient(4, 1e4));
            double moved = 0;
            double[] after = Tensors.doubles(a.detach());
            for (int i = 0; i < after.length; i++) {
                moved += Math.pow(after[i] - before[i], 2);
            }
            // a gradient of any length is a step of the rate
            assertThat(Math.sqrt(moved)).isCloseTo(0.1, within(1e-6));
        }
    }

    @Test
    void badSettingsAreRefused() {
        assertThatThrownBy(() -> new AdaptiveClip(1, 0)).hasMessageContaining("gamma");
        assertThatThrownBy(() -> new AdaptiveClip(0.9, -1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> new AdaptiveNorm(0.7, -0.1, 1e-8, Constant.ONE, 0))
                .hasMessageContaining("gamma2");
        assertThatThrownBy(() -> new AdaptiveNorm(0.7, 0.9, -1, Constant.ONE, 0))
                .hasMessageContaining("epsilon");
        assertThatThrownBy(() -> new SpikeClip(0, 1, 1)).hasMessageContaining("threshold");
        assertThatThrownBy(() -> new Lion(p, 1, 0.9)).hasMessageContaining("Lion");
        assertThatThrownBy(() -> new Spam.Config(0.9, 0.999, 1e-6, 4, 3, 0)).hasMessageContaining("density");
        assertThatThrownBy(() -> new AdamReset(p, 0.9, 0.999, 1e-8, -1, AdamReset.Reset.PAPER, Constant.ONE))
                .hasMessageContaining("resets");
    }
}
