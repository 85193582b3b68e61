package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.WarmUp;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Decay that does not follow the rate, rates that follow the width, and a warm-up to an absolute floor. */
class ScaleStableTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static ParamMeta meta(String name, Role role, long fanIn) {
        return new ParamMeta(name, role, fanIn, 1, true, 0);
    }

    private static Parameters leaf() {
        Tensor w = Rng.of(1).normal(ScalarType.Double, 3, 4).set_requires_grad(true);
        return new Parameters(List.of(meta("w", Role.HIDDEN, 4)), List.of(w));
    }

    private static double[] trained(double rate, double decay, Decay mode, boolean zero) {
        Parameters p = leaf();
        int steps = 12;
        ChainOptimizer o = new ChainOptimizer(
                p,
                List.of(),
                new Adam(p, 0.9, 0.95, 1e-8),
                List.of(ParamGroup.all(rate, WarmUp.toFloor(3, steps, rate, 0), decay, mode)));
        for (int t = 0; t < steps; t++) {
            Tensor g = Rng.of(2).child("g", t).normal(ScalarType.Double, 3, 4);
            o.step(new ParamVector(p, new Tensor[] {zero ? g.mul(Tensors.scalar(0)) : g}));
        }
        return Tensors.doubles(p.get(0).detach());
    }

    @Test
    void independentDecayIsCoupledDecayOverTheRate() {
        double[] independent = trained(0.02, 0.01, Decay.INDEPENDENT, false);
        double[] coupled = trained(0.02, 0.01 / 0.02, Decay.LR_COUPLED, false);
        for (int i = 0; i < coupled.length; i++) {
            assertThat(independent[i]).isCloseTo(coupled[i], within(1e-15));
        }
    }

    @Test
    void withoutGradientsIndependentDecayShrinksByTheProductWhateverTheRate() {
        WarmUp schedule = WarmUp.toFloor(3, 12, 1, 0);
        double left = 1;
        for (int t = 0; t < 12; t++) {
            left *= 1 - schedule.at(t) * 0.1;
        }
        double[] start = Tensors.doubles(leaf().get(0).detach());
        for (double rate : new double[] {1e-4, 0.3}) {
            double[] end = trained(rate, 0.1, Decay.INDEPENDENT, true);
            for (int i = 0; i < end.length; i++) {
                assertThat(end[i]).isCloseTo(start[i] * left, within(1e-14));
            }
        }
    }

    @Test
    void decayThatLeavesNothingIsRefusedAndMovesNothing() {
        Parameters p = leaf();
        double[] before = Tensors.doubles(p.get(0).detach());
        ChainOptimizer o = new ChainOptimizer(
                p,
                List.of(),
                new Adam(p, 0.9, 0.95, 1e-8),
                List.of(ParamGroup.all(1e-3, Constant.ONE, 1, Decay.INDEPENDENT)));
        ParamVector g = new ParamVector(p, new Tensor[] {Rng.of(2).normal(ScalarType.Double, 3, 4)});
        assertThatThrownBy(() -> o.step(g))
                .hasMessageContaining("Independent weight decay 1.0 at schedule factor 1.0")
                .hasMessageContaining("leaf 'w' at update 0");
        assertThat(o.steps()).isZero();
        assertThat(Tensors.doubles(p.get(0).detach())).isEqualTo(before);
        assertThat(o.rule().moments().get("first").get(0)).isNull();
    }

    @Test
    void aWarmUpEndsAtTheAbsoluteFloorInItsLastUpdate() {
        for (double peak : new double[] {3e-4, 0.3}) {
            WarmUp s = WarmUp.toFloor(10, 200, peak, 1e-5);
            assertThat(s.at(0)).isEqualTo(0.1);
            assertThat(s.at(9)).isEqualTo(1);
            assertThat(s.at(10)).isLessThan(1);
            assertThat(peak * s.at(199)).isCloseTo(1e-5, within(1e-18));
            assertThat(peak * s.at(5000)).isCloseTo(1e-5, within(1e-18));
        }
        assertThat(WarmUp.toFloor(1, 2, 1, 1).at(0)).isEqualTo(1);
        assertThatThrownBy(() -> WarmUp.toFloor(5, 5, 1, 0)).hasMessageContaining("1 <= warm < all");
        assertThatThrownBy(() -> WarmUp.toFloor(1, 5, 1e-6, 1e-5)).hasMessageContaining("0 <= floor <= peak");
    }

    @Test
    void ratesOfMapsGoByWidthAndOthersDoNot() {
        MuParam mu = new MuParam(64);
        assertThat(mu.multiplier(meta("a", Role.HIDDEN, 256))).isEqualTo(0.25);
        assertThat(mu.multiplier(meta("a", Role.HEAD, 16))).isEqualTo(4);
        for (Role r : new Role[] {Role.EMBEDDING, Role.NORM, Role.BIAS}) {
            assertThat(mu.multiplier(meta("a", r, 0))).isOne();
        }
        assertThatThrownBy(() -> mu.multiplier(meta("q_proj", Role.HIDDEN, 0)))
                .hasMessageContaining("Leaf 'q_proj' says a fan-in of 0");
        assertThatThrownBy(() -> new MuParam(0)).hasMessageContaining(">= 1");
    }

    @Property(tries = 50)
    void atTheBaseWidthMuParamIsTheIdentity(@ForAll @DoubleRange(min = 1, max = 1e6) double width) {
        long w = (long) width;
        for (Role r : Role.values()) {
            assertThat(new MuParam(w).multiplier(meta("a", r, w))).isOne();
        }
    }

    @Test
    void groupsOfMuParamMoveEachLeafAtItsRate() {
        List<ParamMeta> metas =
                List.of(meta("e", Role.EMBEDDING, 1), meta("h", Role.HIDDEN, 16), meta("n", Role.NORM, 1));
        List<Tensor> leaves = metas.stream()
                .map(m -> Tensors.zeros(ScalarType.Double, 2).set_requires_grad(true))
                .toList();
        Parameters p = new Parameters(metas, leaves);
        ChainOptimizer o = new ChainOptimizer(
                p,
                List.of(),
                new Adam(p, 0.9, 0.95, 1e-8),
                new MuParam(4).groups(p, ParamGroup.all(0.1, Constant.ONE, 0.5, Decay.INDEPENDENT)));
        Map<String, Double> rates = Map.of("e", 0.1, "h", 0.025, "n", 0.1);
        for (int i = 0; i < p.size(); i++) {
            assertThat(o.rate(i)).isEqualTo(rates.get(metas.get(i).name()));
        }
    }
}
