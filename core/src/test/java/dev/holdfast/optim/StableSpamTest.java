package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.config.Records;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.config.StableSpam;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.AdamReset;
import dev.holdfast.optim.rule.Lion;
import dev.holdfast.optim.rule.Spam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.AdaptiveClip;
import dev.holdfast.optim.transform.AdaptiveNorm;
import dev.holdfast.optim.transform.SpikeClip;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
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

    private final List<Tensor> owned = new ArrayList<>();

    @AfterEach
    void free() {
        owned.forEach(Tensor::close);
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

    /** In the first step a length n becomes n / (n + epsilon), exactly. */
    @Test
    void epsilonShortensTheFirstGradient() {
        try (Scope s = Scope.open()) {
            ParamVector g = gradient(9, 3);
            ParamVector out = new AdaptiveNorm(0.7, 0.9, 0.5, Constant.ONE, 0).apply(g, at(0));
            for (int i = 0; i < 2; i++) {
                double n = Tensors.item(g.get(i).norm());
                assertThat(Tensors.item(out.get(i).norm())).isCloseTo(1 / (1 + 0.5 / n), within(1e-12));
            }
        }
    }

    /** A gradient of 0 passes all parts, moves averages, and lets momentum carry on. */
    @Test
    void aGradientOfZeroStaysZero() {
        try (Scope s = Scope.open()) {
            ChainOptimizer o = new StableSpam().build(fresh(), 0.01, Constant.ONE, 0);
            o.step(gradient(o.parameters(), 1, 0));
            assertThat(Tensors.doubles(o.parameters().values().flat()))
                    .containsExactly(Tensors.doubles(p.values().flat()));
            walk(o, 1, 2);
            double before = Tensors.doubles(o.state().tensor("transform.0.average.0"))[0];
            Step zero = o.step(gradient(o.parameters(), 1, 0));
            assertThat(zero.skipped()).isFalse();
            assertThat(zero.normAfter()).isZero();
            assertThat(zero.move().norm()).isPositive();
            assertThat(Tensors.doubles(o.state().tensor("transform.0.average.0"))[0])
                    .isCloseTo(0.999 * before, within(1e-12));
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
                        .containsExactly(before);
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

    /** Leaves with the numbers of a and b that a test may move. */
    private Parameters fresh() {
        Tensor x = Scope.own(a.detach().clone()).set_requires_grad(true);
        Tensor y = Scope.own(b.detach().clone()).set_requires_grad(true);
        owned.add(x);
        owned.add(y);
        return new Parameters(p.meta(), List.of(x, y));
    }

    private static double[] walk(ChainOptimizer o, double scale, int steps) {
        for (int t = 0; t < steps; t++) {
            try (Scope s = Scope.open()) {
                o.step(gradient(o.parameters(), 20 + t, scale));
            }
        }
        return Tensors.doubles(o.parameters().values().flat());
    }

    private static ParamVector gradient(Parameters of, long seed, double scale) {
        return new ParamVector(of, new Tensor[] {
            normal(seed, 3, 4).mul(Tensors.scalar(scale)), normal(seed + 50, 5).mul(Tensors.scalar(scale))
        });
    }

    /** Without its parts it is AdamW that decays first. */
    @Test
    void withoutItsPartsItIsAdamW() {
        try (Scope s = Scope.open()) {
            StableSpam bare = new StableSpam().withClips(false).withNorms(false).withResetEvery(0);
            double[] ours = walk(bare.build(fresh(), 0.01, Constant.ONE, 0.1), 1, 8);
            double[] adamW = walk(OptimizerConfig.adamW(0.01, 0.1).build(fresh()), 1, 8);
            assertThat(ours).containsExactly(adamW, within(1e-12));
            // and every part makes a difference
            StableSpam whole = new StableSpam().withResetEvery(3).withTotalSteps(8);
            for (StableSpam less : List.of(
                    whole.withClips(false), whole.withNorms(false), whole.withResetEvery(0), whole.withTotalSteps(0))) {
                assertThat(walk(less.build(fresh(), 0.01, Constant.ONE, 0.1), 1, 8))
                        .isNotEqualTo(walk(whole.build(fresh(), 0.01, Constant.ONE, 0.1), 1, 8));
            }
        }
    }

    /** Scaling all gradients by a constant changes no step, up to epsilon. */
    @Test
    void theScaleOfGradientsDoesNotMatter() {
        try (Scope s = Scope.open()) {
            StableSpam settings = new StableSpam().withResetEvery(4);
            double[] one = walk(settings.build(fresh(), 0.01, Constant.ONE, 0), 1, 9);
            for (double scale : new double[] {1e-3, 1e4}) {
                assertThat(walk(settings.build(fresh(), 0.01, Constant.ONE, 0), scale, 9))
                        .containsExactly(one, within(1e-5));
            }
        }
    }

    @Test
    void gamma1CanBeBeta1() {
        try (Scope s = Scope.open()) {
            StableSpam d = new StableSpam();
            StableSpam byName = Records.with(d, "gamma1", -1.0);
            StableSpam byValue = Records.with(d, "gamma1", d.beta1());
            assertThat(walk(byName.build(fresh(), 0.01, Constant.ONE, 0), 1, 5))
                    .containsExactly(walk(byValue.build(fresh(), 0.01, Constant.ONE, 0), 1, 5))
                    .isNotEqualTo(walk(d.build(fresh(), 0.01, Constant.ONE, 0), 1, 5));
        }
    }

    /** Averages, counters, moments and the step count are all saved; what goes on has the same bits. */
    @Test
    void aResumedOptimizerGoesOnWithTheSameBits() {
        for (AdamReset.Reset mode : AdamReset.Reset.values()) {
            try (Scope s = Scope.open()) {
                StableSpam settings =
                        Records.with(new StableSpam().withResetEvery(4).withTotalSteps(12), "reset", mode);
                ChainOptimizer whole = settings.build(fresh(), 0.01, Constant.ONE, 0.1);
                walk(whole, 1, 6);
                Parameters q = fresh();
                ChainOptimizer second = settings.build(q, 0.01, Constant.ONE, 0.1);
                second.load(whole.state().copy());
                try (var mute = Autograd.noGrad()) {
                    q.get(0).copy_(whole.parameters().get(0));
                    q.get(1).copy_(whole.parameters().get(1));
                }
                assertThat(walk(second, 2, 7)).containsExactly(walk(whole, 2, 7));
            }
        }
    }

    /** A gradient that is not finite moves nothing at all, and too many in a row are an error. */
    @Test
    void gradientsThatAreNotFiniteAreRefusedAndCounted() {
        try (Scope s = Scope.open()) {
            StableSpam settings = Records.with(new StableSpam(), "maxSkipped", 2L);
            ChainOptimizer o = settings.build(fresh(), 0.01, Constant.ONE, 0.1);
            walk(o, 1, 3);
            State before = o.state().copy();
            double[] at = Tensors.doubles(o.parameters().values().flat());
            for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
                assertThat(o.step(gradient(o.parameters(), 5, bad)).skipped()).isTrue();
            }
            assertThat(o.skipped()).isEqualTo(2);
            before.tensors()
                    .forEach((name, t) ->
                            assertThat(o.state().tensor(name).equal(t)).as(name).isTrue());
            assertThat(o.steps()).isEqualTo(3);
            assertThat(Tensors.doubles(o.parameters().values().flat())).containsExactly(at);
            assertThatThrownBy(() -> o.step(gradient(o.parameters(), 5, Double.NaN)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("last 3 gradients")
                    .hasMessageContaining("since update 3");
            // one that is finite starts the count again
            walk(o, 1, 1);
            assertThat(o.step(gradient(o.parameters(), 5, Double.NaN)).skipped())
                    .isTrue();
        }
    }

    /** A leaf without a gradient is left out: its averages, counters and moments stand still. */
    @Test
    void aLeafWithoutAGradientStandsStill() {
        try (Scope s = Scope.open()) {
            StableSpam settings = new StableSpam().withResetEvery(3);
            ChainOptimizer with = settings.build(fresh(), 0.01, Constant.ONE, 0.1);
            ChainOptimizer without = settings.build(fresh(), 0.01, Constant.ONE, 0.1);
            with.step(gradient(with.parameters(), 1, 1));
            without.step(gradient(without.parameters(), 1, 1));
            Tensor alone = gradient(with.parameters(), 2, 1).get(0);
            without.step(new ParamVector(without.parameters(), new Tensor[] {alone, null}));
            assertThat(without.parameters().get(1).equal(with.parameters().get(1)))
                    .isTrue();
            double[] averages = Tensors.doubles(without.state().tensor("transform.0.average.0"));
            assertThat(averages[1]).isEqualTo(Tensors.doubles(with.state().tensor("transform.0.average.0"))[1]);
            assertThat(Tensors.longs(without.state().tensor("rule.steps"))).containsExactly(2, 1);
        }
    }

    /** Where leaves come or go, averages follow those that stay. */
    @Test
    void averagesFollowTheirLeaf() {
        try (Scope s = Scope.open()) {
            AdaptiveClip clip = new AdaptiveClip();
            clip.apply(gradient(1, 1), at(0));
            double[] before = clip.averages();
            Tensor c = normal(9, 2);
            Parameters more = new Parameters(
                    List.of(
                            new ParamMeta("c", ParamMeta.Role.HIDDEN, 1, 2, true, 0),
                            p.meta().get(1),
                            p.meta().get(0)),
                    List.of(c, b, a));
            clip.apply(
                    new ParamVector(
                            more, new Tensor[] {null, null, gradient(1, 1).get(0)}),
                    new StepContext(1, more, Map.of(), null));
            assertThat(clip.averages()[0]).isZero();
            assertThat(clip.averages()[1]).isEqualTo(before[1]);
            assertThat(clip.averages()[2]).isCloseTo(before[0] * 1.999, within(1e-12));
            State damaged = clip.state().copy();
            State wrong = new State().put("leaves", "a").put("counts", damaged.tensor("counts"));
            assertThatThrownBy(() -> clip.load(wrong.put("average.0", damaged.tensor("average.0"))))
                    .hasMessageContaining("names of 1");
            assertThat(clip.averages()[1]).isEqualTo(before[1]);
        }
    }

    /** The configuration that learners are given makes the same optimizer. */
    @Test
    void itIsAKindOfOptimizer() {
        try (Scope s = Scope.open()) {
            OptimizerConfig c =
                    OptimizerConfig.stableSpam(0.01).withWeightDecay(0.1).withResetSteps(4);
            double[] direct = walk(new StableSpam().withResetEvery(4).build(fresh(), 0.01, Constant.ONE, 0.1), 1, 9);
            assertThat(walk(c.build(fresh()), 1, 9)).containsExactly(direct);
            assertThatThrownBy(() -> c.withGuard(OptimizerConfig.Guard.ADAPTIVE))
                    .hasMessageContaining("guards gradients itself");
            assertThatThrownBy(() -> c.withResetSteps(-1)).hasMessageContaining("-1");
        }
    }

    @Test
    void theShareOfSpikesIsTold() {
        try (Scope s = Scope.open()) {
            AdaptiveClip clip = new AdaptiveClip(0.9, 0);
            assertThat(clip.clippedShare()).isNaN();
            clip.apply(gradient(1, 1), at(0));
            assertThat(clip.clippedShare()).isZero();
            ParamVector spiked = gradient(1, 1);
            spiked.get(1).select(0, 2).fill_(Tensors.scalar(500));
            clip.apply(spiked, at(1));
            assertThat(clip.clippedShare()).isCloseTo(1.0 / 17, within(1e-12));
        }
    }

    @Test
    void badSettingsAreRefused() {
        StableSpam d = new StableSpam();
        assertThatThrownBy(() -> Records.with(d, "beta1", 1.0)).hasMessageContaining("beta1");
        assertThatThrownBy(() -> Records.with(d, "beta2", -0.1)).hasMessageContaining("beta2");
        assertThatThrownBy(() -> Records.with(d, "epsilon", 0.0)).hasMessageContaining("epsilon");
        assertThatThrownBy(() -> Records.with(d, "gamma1", -0.5)).hasMessageContaining("gamma1");
        assertThatThrownBy(() -> Records.with(d, "gamma2", 1.0)).hasMessageContaining("gamma2");
        assertThatThrownBy(() -> Records.with(d, "gamma3", Double.NaN)).hasMessageContaining("gamma3");
        assertThatThrownBy(() -> d.withResetEvery(-1)).hasMessageContaining("resets");
        assertThatThrownBy(() -> d.withTotalSteps(-1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> Records.with(d, "floor", 1.5)).hasMessageContaining("1.5");
        assertThatThrownBy(() -> Records.with(d, "maxSkipped", -1L)).hasMessageContaining("-1");
        assertThatThrownBy(() -> d.build(p, -1, Constant.ONE, 0)).hasMessageContaining("rate");
        assertThatThrownBy(() -> d.build(p, 1, Constant.ONE, -1)).hasMessageContaining("decay");
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
