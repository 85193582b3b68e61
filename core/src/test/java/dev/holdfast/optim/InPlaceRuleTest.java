package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.tensor.NativeOperation;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Rules that move leaves in one pass do what they do when they write their direction down. */
@ExtendWith(NativeMemory.class)
class InPlaceRuleTest {
    static Stream<Function<Parameters, InPlaceRule>> rules() {
        return Stream.of(
                p -> new Adam(p, 0.9, 0.99, 1e-6), p -> new Sgd(p, 0.9, 0.2, false), p -> new Sgd(p, 0.8, 0, true));
    }

    /** The same rule, but only by its direction. */
    private record WrittenDown(UpdateRule rule) implements UpdateRule {
        @Override
        public ParamVector direction(ParamVector g, StepContext c) {
            return rule.direction(g, c);
        }

        @Override
        public UpdateRule copy() {
            return new WrittenDown(rule.copy());
        }

        @Override
        public Map<String, ParamVector> moments() {
            return rule.moments();
        }

        @Override
        public void rebind(Parameters now, List<Resized> grown) {
            rule.rebind(now, grown);
        }

        @Override
        public State state() {
            return rule.state();
        }

        @Override
        public void load(State saved) {
            rule.load(saved);
        }
    }

    @ParameterizedTest
    @MethodSource("rules")
    void movesLeavesAsItsDirectionSays(Function<Parameters, InPlaceRule> rule) {
        Parameters p = leaves();
        Parameters q = leaves();
        ChainOptimizer fast = optimizer(p, rule.apply(p));
        ChainOptimizer plain = optimizer(q, new WrittenDown(rule.apply(q)));
        for (int k = 0; k < 6; k++) {
            Step a = fast.step(gradient(p, k));
            Step b = plain.step(gradient(q, k));
            assertThat(Leaves.flat(a.move())).containsExactly(Leaves.flat(b.move()), within(1e-14));
            assertThat(Leaves.flat(p.values())).containsExactly(Leaves.flat(q.values()), within(1e-14));
        }
        assertThat(fast.state().values()).isEqualTo(plain.state().values());
        fast.state().tensors().forEach((name, t) -> assertThat(Tensors.doubles(t))
                .as(name)
                .containsExactly(Tensors.doubles(plain.state().tensor(name)), within(1e-14)));
    }

    @ParameterizedTest
    @MethodSource("rules")
    void aLeafWithoutGradientStaysToTheBit(Function<Parameters, InPlaceRule> rule) {
        Parameters p = leaves();
        InPlaceRule r = rule.apply(p);
        ChainOptimizer optimizer = optimizer(p, r);
        for (int k = 0; k < 3; k++) {
            optimizer.step(Leaves.gradient(p, k));
        }
        ParamVector g = Leaves.gradient(p, 3);
        ParamVector holey = new ParamVector(p, new Tensor[] {g.get(0), null, g.get(2), g.get(3)});
        assertThat(r.fits(holey)).isTrue();
        double[] leaf = Tensors.doubles(p.get(1));
        List<double[]> moments = r.moments().values().stream()
                .map(m -> Tensors.doubles(m.get(1)))
                .toList();
        Step step = optimizer.step(holey);
        assertThat(step.move().get(1)).isNull();
        assertThat(Tensors.doubles(p.get(1))).containsExactly(leaf);
        int i = 0;
        for (ParamVector m : r.moments().values()) {
            assertThat(Tensors.doubles(m.get(1))).containsExactly(moments.get(i++));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Float", "Double"})
    void aTransposedGradientIsReadRight(ScalarType dtype) {
        Tensor[] moved = new Tensor[2];
        for (int k = 0; k < 2; k++) {
            Tensor leaf = Scope.own(Tensors.zeros(dtype, 2, 3)).set_requires_grad(true);
            Parameters p = new Parameters(List.of(meta("w")), List.of(leaf));
            Tensor g =
                    Tensors.of(new double[] {1, 2, 3, 4, 5, 6}, 3, 2).to(dtype).t();
            ChainOptimizer optimizer = optimizer(p, new Adam(p, 0.9, 0.9, 1));
            optimizer.step(new ParamVector(p, new Tensor[] {k == 0 ? g : g.contiguous()}));
            moved[k] = leaf;
        }
        assertThat(Tensors.doubles(moved[0])).containsExactly(Tensors.doubles(moved[1]));
        assertThat(Tensors.doubles(moved[0])).doesNotHaveDuplicates();
    }

    @Test
    void leavesThatAreNoLineOfMemoryAreMovedByTheDirection() {
        Tensor leaf = Scope.own(Tensors.zeros(ScalarType.Double, 3, 2).t()).set_requires_grad(true);
        Parameters p = new Parameters(List.of(meta("w")), List.of(leaf));
        Adam rule = new Adam(p, 0.9, 0.9, 1);
        ParamVector g = Leaves.gradient(p, 1);
        assertThat(rule.fits(g)).isFalse();
        double[] peeked = Leaves.flat(optimizer(p, rule).peek(g));
        optimizer(p, rule).step(g);
        assertThat(Leaves.flat(p.values())).containsExactly(peeked, within(1e-15));
    }

    @Test
    void anUnknownOperationIsRefused() {
        assertThatThrownBy(() -> NativeOperation.call("aten::there_is_no_such_operation"))
                .hasMessageContaining("there_is_no_such_operation");
        assertThatThrownBy(() -> NativeOperation.call("aten::_fused_adam_", "text"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static ParamMeta meta(String name) {
        return new ParamMeta(name, ParamMeta.Role.HIDDEN, 1, 1, true, 0);
    }

    /** Two weights, an empty one among them, and two biases. */
    private static Parameters leaves() {
        return Leaves.of(3, new long[] {5, 7}, new long[] {4}, new long[] {0, 3}, new long[] {9});
    }

    /** The second leaf gets its first gradient at step 2; the first one's comes as a transposed view. */
    private static ParamVector gradient(Parameters p, int step) {
        ParamVector g = Leaves.gradient(p, 10 + step);
        List<Tensor> parts = new ArrayList<>();
        for (int i = 0; i < g.size(); i++) {
            parts.add(
                    i == 1 && step < 2
                            ? null
                            : i == 0 ? g.get(i).t().contiguous().t() : g.get(i));
        }
        return new ParamVector(p, parts.toArray(new Tensor[0]));
    }

    /** Biases at another rate; decay before the move, after it, and none. */
    private static ChainOptimizer optimizer(Parameters p, UpdateRule rule) {
        return new ChainOptimizer(
                p,
                List.of(),
                rule,
                List.of(
                        new ParamGroup(m -> m.name().equals("w0"), 0.1, Constant.ONE, 0.3, Decay.LR_COUPLED),
                        new ParamGroup(m -> m.name().equals("w2"), 0.1, Constant.ONE, 0.3, Decay.LR_COUPLED_AFTER),
                        ParamGroup.all(0.05, Constant.ONE, 0, Decay.NONE)));
    }
}
