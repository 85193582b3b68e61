package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Update rules against their formulas, worked out in Java numbers, and against libtorch's own optimizers. */
@ExtendWith(NativeMemory.class)
class RulesTest {
    private static final int STEPS = 6;

    @ParameterizedTest
    @CsvSource({"0,0,false,0", "0.9,0,false,0", "0.9,0.3,false,0.01", "0.8,0,true,0", "0.9,0,true,0.05", "0,0,false,0.1"
    })
    void sgdIsPyTorchs(double momentum, double dampening, boolean nesterov, double decay) {
        Parameters ours = Leaves.weightAndBias(1);
        Parameters theirs = Leaves.weightAndBias(1);
        // libtorch decays every leaf alike
        ChainOptimizer optimizer = new ChainOptimizer(
                decaying(ours), List.of(), new Sgd(ours, momentum, dampening, nesterov), group(0.1, decay, Decay.L2));
        SGDOptions options = new SGDOptions(0.1);
        options.momentum().put(momentum);
        options.dampening().put(dampening);
        options.weight_decay().put(decay);
        options.nesterov().put(nesterov);
        try (SGD reference = new SGD(new TensorVector(theirs.tensors()), options)) {
            for (int k = 0; k < STEPS; k++) {
                ParamVector g = Leaves.gradient(ours, 10 + k);
                optimizer.step(aligned(optimizer, g));
                reference.zero_grad();
                backward(theirs, g);
                reference.step();
            }
        }
        assertThat(Leaves.flat(ours.values())).containsExactly(Leaves.flat(theirs.values()), within(1e-14));
    }

    @ParameterizedTest
    @CsvSource({"0.9,0.999,1e-8,0", "0.5,0.9,1e-3,0.1"})
    void adamIsPyTorchs(double beta1, double beta2, double epsilon, double decay) {
        Parameters ours = Leaves.weightAndBias(2);
        Parameters theirs = Leaves.weightAndBias(2);
        ChainOptimizer optimizer = new ChainOptimizer(
                decaying(ours), List.of(), new Adam(ours, beta1, beta2, epsilon), group(0.01, decay, Decay.L2));
        AdamOptions options = new AdamOptions(0.01);
        // the binding shows a C++ tuple, which lies in memory back to front
        options.betas().put(0, beta2);
        options.betas().put(1, beta1);
        options.eps().put(epsilon);
        options.weight_decay().put(decay);
        try (org.bytedeco.pytorch.Adam reference =
                new org.bytedeco.pytorch.Adam(new TensorVector(theirs.tensors()), options)) {
            for (int k = 0; k < STEPS; k++) {
                ParamVector g = Leaves.gradient(ours, 20 + k);
                optimizer.step(aligned(optimizer, g));
                reference.zero_grad();
                backward(theirs, g);
                reference.step();
            }
        }
        assertThat(Leaves.flat(ours.values())).containsExactly(Leaves.flat(theirs.values()), within(1e-14));
    }

    @Test
    void adamWIsPyTorchs() {
        Parameters ours = Leaves.weightAndBias(3);
        Parameters theirs = Leaves.weightAndBias(3);
        ChainOptimizer optimizer = new ChainOptimizer(
                decaying(ours), List.of(), new Adam(ours, 0.9, 0.999, 1e-8), group(0.01, 0.3, Decay.LR_COUPLED));
        AdamWOptions options = new AdamWOptions(0.01);
        options.weight_decay().put(0.3);
        try (AdamW reference = new AdamW(new TensorVector(theirs.tensors()), options)) {
            for (int k = 0; k < STEPS; k++) {
                ParamVector g = Leaves.gradient(ours, 30 + k);
                optimizer.step(aligned(optimizer, g));
                reference.zero_grad();
                backward(theirs, g);
                reference.step();
            }
        }
        assertThat(Leaves.flat(ours.values())).containsExactly(Leaves.flat(theirs.values()), within(1e-14));
    }

    @Test
    void decayModesFollowTheirFormulas() {
        double rate = 0.1 * 0.5;
        double d = 0.3;
        for (Decay mode : Decay.values()) {
            Parameters p = Leaves.of(4, new long[] {1, 1});
            double w = Leaves.flat(p.values())[0];
            double g = 2;
            double strength = mode == Decay.NONE ? 0 : d;
            ChainOptimizer optimizer = new ChainOptimizer(
                    p, List.of(), new Sgd(p), List.of(ParamGroup.all(0.1, new Constant(0.5), strength, mode)));
            Step step = optimizer.step(Leaves.vector(p, g));
            double expected =
                    switch (mode) {
                        case NONE -> w - rate * g;
                        case L2 -> w - rate * (g + d * w);
                        case LR_COUPLED -> w - rate * d * w - rate * g;
                        case LR_COUPLED_AFTER -> (w - rate * g) * (1 - rate * d);
                        case INDEPENDENT -> w - 0.5 * d * w - rate * g;
                    };
            assertThat(Leaves.flat(p.values())[0]).as(mode.name()).isCloseTo(expected, within(1e-15));
            assertThat(w + Leaves.flat(step.move())[0]).isCloseTo(expected, within(1e-15));
        }
    }

    @Test
    void leavesThatMustNotDecayDoNot() {
        Parameters p = Leaves.weightAndBias(5);
        double[] before = Leaves.flat(p.values());
        ChainOptimizer optimizer = OptimizerConfig.adamW(0.1, 0.5).build(p);
        optimizer.step(Leaves.gradient(p, 1).times(0));
        double[] after = Leaves.flat(p.values());
        assertThat(after[0]).isCloseTo(before[0] * (1 - 0.1 * 0.5), within(1e-15));
        assertThat(java.util.Arrays.copyOfRange(after, 6, 8)).containsExactly(before[6], before[7]);
    }

    @Test
    void aLeafWithoutGradientMovesNothingOfItsOwn() {
        Parameters p = Leaves.weightAndBias(6);
        ChainOptimizer optimizer = OptimizerConfig.adamW(0.1, 0.5).build(p);
        ParamVector g = Leaves.gradient(p, 1);
        optimizer.step(g);
        double[] before = Leaves.flat(p.values());
        for (int k = 0; k < 3; k++) {
            optimizer.step(new ParamVector(p, new Tensor[] {null, g.get(1)}));
        }
        double[] after = Leaves.flat(p.values());
        assertThat(java.util.Arrays.copyOf(after, 6)).containsExactly(java.util.Arrays.copyOf(before, 6));
        assertThat(optimizer.state().value("rule.first.counts")).isEqualTo("1 4");
    }

    @Test
    void nonsenseIsRefused() {
        Parameters p = Leaves.weightAndBias(7);
        assertThatThrownBy(() -> new Sgd(p, 1, 0, false)).hasMessageContaining("[0, 1)");
        assertThatThrownBy(() -> new Sgd(p, 0, 0, true)).hasMessageContaining("Nesterov");
        assertThatThrownBy(() -> new Adam(p, 0.9, 1, 1e-8)).hasMessageContaining("beta2");
        assertThatThrownBy(() -> OptimizerConfig.sgd(-1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> OptimizerConfig.sgd(Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new ParamGroup(m -> true, 0.1, Constant.ONE, 0.1, Decay.NONE))
                .hasMessageContaining("NONE");
        assertThatThrownBy(() -> new ChainOptimizer(
                        p,
                        List.of(),
                        new Sgd(p),
                        List.of(new ParamGroup(m -> m.name().equals("w0"), 1, Constant.ONE, 0, Decay.NONE))))
                .hasMessageContaining("'w1'");
    }

    private static List<ParamGroup> group(double rate, double decay, Decay mode) {
        return List.of(ParamGroup.all(rate, Constant.ONE, decay, decay == 0 ? Decay.NONE : mode));
    }

    private static Parameters decaying(Parameters p) {
        return new Parameters(
                p.meta().stream()
                        .map(m -> new dev.holdfast.tensor.ParamMeta(
                                m.name(), m.role(), m.fanIn(), m.fanOut(), true, m.depth()))
                        .toList(),
                List.of(p.tensors()));
    }

    private static ParamVector aligned(ChainOptimizer o, ParamVector g) {
        Tensor[] r = new Tensor[g.size()];
        for (int i = 0; i < r.length; i++) {
            r[i] = g.get(i);
        }
        return new ParamVector(o.parameters(), r);
    }

    private static void backward(Parameters p, ParamVector g) {
        Tensor loss = Tensors.zeros(org.bytedeco.pytorch.global.torch.ScalarType.Double);
        for (int i = 0; i < p.size(); i++) {
            loss = loss.add(p.get(i).mul(g.get(i)).sum());
        }
        loss.backward();
    }
}
