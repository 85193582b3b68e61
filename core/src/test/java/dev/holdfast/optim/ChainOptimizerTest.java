package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class ChainOptimizerTest {
    static Stream<OptimizerConfig> configs() {
        return Stream.of(
                OptimizerConfig.sgd(0.1),
                OptimizerConfig.sgd(0.1, 0.9).withWeightDecay(0.01),
                OptimizerConfig.adam(0.01).withClipNorm(0.5),
                OptimizerConfig.adamW(0.01, 0.1));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void resumesToTheBit(OptimizerConfig config) {
        Parameters through = Leaves.weightAndBias(1);
        ChainOptimizer a = config.build(through);
        for (int k = 0; k < 3; k++) {
            a.step(Leaves.gradient(through, k));
        }
        State saved = a.state().copy();
        ParamVector weights = through.copy();

        Parameters resumed = Leaves.weightAndBias(99);
        resumed.assign(new ParamVector(resumed, new Tensor[] {weights.get(0), weights.get(1)}));
        ChainOptimizer b = config.build(resumed);
        b.load(saved);
        for (int k = 3; k < 6; k++) {
            a.step(Leaves.gradient(through, k));
            b.step(Leaves.gradient(resumed, k));
        }
        assertThat(Leaves.flat(resumed.values())).containsExactly(Leaves.flat(through.values()));
        assertThat(b.state().sameAs(a.state())).isTrue();
    }

    @ParameterizedTest
    @MethodSource("configs")
    void refusesWhatIsNotFiniteAndChangesNothing(OptimizerConfig config) {
        Parameters p = Leaves.weightAndBias(2);
        ChainOptimizer optimizer = config.build(p);
        optimizer.step(Leaves.gradient(p, 1));
        State before = optimizer.state().copy();
        double[] weights = Leaves.flat(p.values());
        for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            double[] g = new double[8];
            g[7] = bad;
            Step step = optimizer.step(Leaves.vector(p, g));
            assertThat(step.skipped()).isTrue();
            assertThat(step.move().get(0)).isNull();
        }
        assertThat(Leaves.flat(p.values())).containsExactly(weights);
        assertThat(optimizer.skipped()).isEqualTo(2);
        assertThat(optimizer.steps()).isEqualTo(1);
        State after = optimizer.state();
        assertThat(after.child("rule").sameAs(before.child("rule"))).isTrue();
    }

    @Test
    void aHugeButFiniteGradientIsNotRefused() {
        Parameters p = Leaves.of(3, new long[] {2, 2});
        ParamVector g = Leaves.vector(p, 1e200, 1e200, -1e200, 0);
        assertThat(g.finite()).isTrue();
        Step step = OptimizerConfig.sgd(1e-200).build(p).step(g);
        assertThat(step.skipped()).isFalse();
        Tensor[] f = {Tensors.of(new float[] {3e38f, 3e38f, -3e38f, 0}, 2, 2)};
        assertThat(new ParamVector(p, f).norm()).isCloseTo(Math.sqrt(3) * 3e38f, within(1e32));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void peekSaysTheMoveAndChangesNothing(OptimizerConfig config) {
        Parameters p = Leaves.weightAndBias(4);
        ChainOptimizer optimizer = config.build(p);
        optimizer.step(Leaves.gradient(p, 1));
        State before = optimizer.state().copy();
        double[] weights = Leaves.flat(p.values());
        double[] peeked = Leaves.flat(optimizer.peek(Leaves.gradient(p, 2)));
        assertThat(optimizer.state().sameAs(before)).isTrue();
        assertThat(Leaves.flat(p.values())).containsExactly(weights);
        Step step = optimizer.step(Leaves.gradient(p, 2));
        assertThat(Leaves.flat(step.move())).containsExactly(peeked, within(1e-15));
        double[] moved = Leaves.flat(p.values());
        for (int i = 0; i < moved.length; i++) {
            assertThat(moved[i] - weights[i]).isCloseTo(peeked[i], within(1e-15));
        }
    }

    @Test
    void theReportTellsNormsAndMove() {
        Parameters p = Leaves.of(5, new long[] {1, 2});
        double[] before = Leaves.flat(p.values());
        ChainOptimizer optimizer = OptimizerConfig.sgd(0.1).withClipNorm(1).build(p);
        Step step = optimizer.step(Leaves.vector(p, 3, 4));
        assertThat(step.normBefore()).isCloseTo(5, within(1e-15));
        assertThat(step.normAfter()).isCloseTo(5 / (5 + 1e-6), within(1e-12));
        double[] after = Leaves.flat(p.values());
        double[] move = Leaves.flat(step.move());
        assertThat(after).containsExactly(new double[] {before[0] + move[0], before[1] + move[1]}, within(1e-16));
        assertThat(move[0]).isCloseTo(-0.1 * 3 / (5 + 1e-6), within(1e-15));
    }

    @Test
    void groupsHaveTheirOwnRates() {
        Parameters p = Leaves.weightAndBias(6);
        double[] before = Leaves.flat(p.values());
        ChainOptimizer optimizer = new ChainOptimizer(
                p,
                List.of(),
                new Sgd(p),
                List.of(
                        new ParamGroup(m -> m.name().equals("w1"), 0.5, Constant.ONE, 0, Decay.NONE),
                        ParamGroup.all(0.1, new Constant(2), 0, Decay.NONE)));
        optimizer.step(Leaves.vector(p, 1, 1, 1, 1, 1, 1, 1, 1));
        double[] after = Leaves.flat(p.values());
        assertThat(after[0]).isCloseTo(before[0] - 0.2, within(1e-15));
        assertThat(after[7]).isCloseTo(before[7] - 0.5, within(1e-15));
        assertThat(optimizer.rate(0)).isEqualTo(0.2);
        assertThat(optimizer.rate(1)).isEqualTo(0.5);
    }

    @ParameterizedTest
    @MethodSource("configs")
    void grownLeavesKeepTheirMoments(OptimizerConfig config) {
        Parameters p = Leaves.weightAndBias(7);
        ChainOptimizer optimizer = config.build(p);
        ParamVector g = Leaves.gradient(p, 1);
        optimizer.step(g);
        Tensor wide = Scope.own(Tensors.cat(0, p.get(0).detach(), Tensors.zeros(ScalarType.Double, 2, 2)));
        optimizer.resize(List.of(new Resized(p.get(0), wide)));
        assertThat(optimizer.parameters().get(0)).isSameAs(wide);
        assertThat(optimizer.parameters().get(1)).isSameAs(p.get(1));
        assertThatThrownBy(() -> optimizer.step(g)).hasMessageContaining("Resized");
        // the old rows go on as if nothing had happened
        Parameters same = Leaves.weightAndBias(7);
        ChainOptimizer twin = config.withClipNorm(0).build(same);
        ChainOptimizer grown = config.withClipNorm(0).build(Leaves.weightAndBias(7));
        Parameters old = grown.parameters();
        twin.step(Leaves.gradient(same, 1));
        grown.step(Leaves.gradient(old, 1));
        Tensor leaf = Scope.own(Tensors.cat(0, old.get(0).detach(), Tensors.zeros(ScalarType.Double, 2, 2)));
        grown.resize(List.of(new Resized(old.get(0), leaf)));
        ParamVector next = Leaves.gradient(same, 2);
        twin.step(next);
        grown.step(new ParamVector(
                grown.parameters(),
                new Tensor[] {Tensors.cat(0, next.get(0), Tensors.zeros(ScalarType.Double, 2, 2)), next.get(1)}));
        assertThat(Tensors.doubles(Tensors.slice(leaf, 0, 3))).containsExactly(Tensors.doubles(same.get(0)));
        assertThat(Tensors.doubles(Tensors.slice(leaf, 3, 5))).containsOnly(0);
    }

    @Test
    void leavesMayComeAndGo() {
        Parameters p = Leaves.weightAndBias(8);
        ChainOptimizer optimizer = OptimizerConfig.adam(0.1).build(p);
        optimizer.step(Leaves.gradient(p, 1));
        Parameters more = p.where(m -> m.name().equals("w1"))
                .and(new Parameters(
                        List.of(new dev.holdfast.tensor.ParamMeta(
                                "new", dev.holdfast.tensor.ParamMeta.Role.HEAD, 1, 1, true, 0)),
                        List.of(Scope.own(Tensors.zeros(ScalarType.Double, 2)))));
        optimizer.rebind(more, List.of());
        optimizer.step(Leaves.gradient(more, 2));
        assertThat(optimizer.state().value("rule.first.counts")).isEqualTo("2 1");
    }

    @Test
    void aStateOfAnotherNetworkIsRefusedAndChangesNothing() {
        Parameters p = Leaves.weightAndBias(9);
        ChainOptimizer optimizer = OptimizerConfig.adam(0.1).build(p);
        optimizer.step(Leaves.gradient(p, 1));
        State before = optimizer.state().copy();
        Parameters other = Leaves.of(9, new long[] {4, 2}, new long[] {2});
        ChainOptimizer stranger = OptimizerConfig.adam(0.1).build(other);
        stranger.step(Leaves.gradient(other, 1));
        stranger.step(Leaves.gradient(other, 2));
        assertThatThrownBy(() -> optimizer.load(stranger.state()))
                .hasMessageContaining("w0")
                .hasMessageContaining("[4, 2]");
        assertThat(optimizer.state().sameAs(before)).isTrue();
    }

    @Test
    void transformsMayLookAtTheBatchAgainWithAGraph() {
        Parameters p = Leaves.of(10, new long[] {2, 2});
        record Again() implements GradientTransform, Stateless {
            @Override
            public ParamVector apply(ParamVector g, StepContext c) {
                return c.again().get().gradient();
            }
        }
        ChainOptimizer optimizer = new ChainOptimizer(
                p, List.of(new Again()), new Sgd(p), List.of(ParamGroup.all(1, Constant.ONE, 0, Decay.NONE)));
        Step step = optimizer.step(Leaves.gradient(p, 1), () -> {
            Tensor loss = p.get(0).mul(p.get(0)).sum();
            return new Evaluated(loss.item_double(), Autograd.grad(loss, p, false));
        });
        double[] w = Leaves.flat(p.values().plus(-1, step.move()));
        double[] g = Leaves.flat(step.gradient());
        for (int i = 0; i < 4; i++) {
            assertThat(g[i]).isCloseTo(2 * w[i], within(1e-15));
        }
    }

    @Test
    void aStepLeavesTheSameNumberOfHandlesEveryTime() {

        Parameters p = Leaves.weightAndBias(11);
        ChainOptimizer optimizer =
                OptimizerConfig.adamW(0.01, 0.1).withClipNorm(1).build(p);
        int first = 0;
        for (int k = 0; k < 20; k++) {
            try (Scope s = Scope.open()) {
                ParamVector g = Leaves.gradient(p, k);
                int before = s.held().size();
                optimizer.step(g);
                int made = s.held().size() - before;
                if (k == 1) {
                    first = made;
                }
                if (k > 1) {
                    assertThat(made).isEqualTo(first);
                }
            }
        }
    }

    @Test
    void clipsValues() {
        Parameters p = Leaves.of(12, new long[] {1, 3});
        ParamVector g = Clip.value(1).apply(Leaves.vector(p, -5, 0.5, 7), null);
        assertThat(Leaves.flat(g)).containsExactly(-1, 0.5, 1);
    }

    @Test
    void clippingLeavesSmallGradientsUntouched() {
        Parameters p = Leaves.of(13, new long[] {1, 2});
        assertThat(Leaves.flat(Clip.norm(10).apply(Leaves.vector(p, 3, 4), null)))
                .containsExactly(3, 4);
    }
}
