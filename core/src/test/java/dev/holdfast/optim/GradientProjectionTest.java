package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.transform.GradientSurgery;
import dev.holdfast.optim.transform.OrthogonalGradient;
import dev.holdfast.optim.transform.SubspaceProjection;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class GradientProjectionTest {
    private final Parameters p = Leaves.weightAndBias(1);

    @Test
    void aGemTouchesOnlyConflictingGradients() {
        ParamVector g = Leaves.gradient(p, 1);
        GradientSurgery surgery = GradientSurgery.aGem();
        assertThat(surgery.apply(g, null)).isSameAs(g);
        surgery.against(g.times(2));
        assertThat(surgery.apply(g, null)).isSameAs(g);
        ParamVector r = g.times(-1).plus(0.3, Leaves.gradient(p, 2));
        surgery.against(r);
        ParamVector turned = surgery.apply(g, null);
        assertThat(turned.dot(r)).isCloseTo(0, within(1e-12));
        // the reference served one step
        assertThat(surgery.apply(g, null)).isSameAs(g);
    }

    @Test
    void gemWithOneTaskAndNoMarginIsAGem() {
        ParamVector g = Leaves.gradient(p, 3);
        ParamVector r = g.times(-1).plus(0.5, Leaves.gradient(p, 4));
        assertThat(Leaves.flat(GradientSurgery.gem(g, List.of(r), 0, 0)))
                .containsExactly(Leaves.flat(GradientSurgery.aGem(g, r)), within(1e-12));
    }

    @Test
    void gemConflictsWithNoTaskAfterwards() {
        for (int trial = 0; trial < 20; trial++) {
            ParamVector g = Leaves.gradient(p, 100 + trial);
            List<ParamVector> tasks = List.of(
                    Leaves.gradient(p, 200 + trial), Leaves.gradient(p, 300 + trial), Leaves.gradient(p, 400 + trial));
            ParamVector turned = GradientSurgery.gem(g, tasks, 0, 0);
            for (ParamVector t : tasks) {
                assertThat(turned.dot(t)).isGreaterThan(-1e-9);
            }
        }
    }

    @Test
    void gemsMarginIsALowerBoundOfItsDual() {
        ParamVector g = Leaves.gradient(p, 5);
        ParamVector r = g.times(-0.01);
        double[] turned = Leaves.flat(GradientSurgery.gem(g, List.of(r), 0.5, 1e-3));
        // the free minimum is v = -Gg/(GG'+eps), beyond the margin here
        double v = Math.max(0.5, -g.dot(r) / (r.dot(r) + 1e-3));
        assertThat(turned).containsExactly(Leaves.flat(g.plus(v, r)), within(1e-12));
        assertThatThrownBy(() -> GradientSurgery.gem(-1, 0)).hasMessageContaining("margin");
    }

    @Test
    void ogdStepsAreOrthogonalToAllThatIsRemembered() {
        OrthogonalGradient ogd = new OrthogonalGradient(20);
        ParamVector a = Leaves.gradient(p, 6);
        ParamVector b = Leaves.gradient(p, 7);
        assertThat(ogd.remember(a)).isTrue();
        assertThat(ogd.remember(b)).isTrue();
        assertThat(ogd.remember(a.plus(2, b))).isFalse();
        assertThat(ogd.remember(a.times(0))).isFalse();
        ParamVector out = ogd.apply(Leaves.gradient(p, 8), null);
        assertThat(out.dot(a)).isCloseTo(0, within(1e-12));
        assertThat(out.dot(b)).isCloseTo(0, within(1e-12));
        OrthogonalGradient copy = new OrthogonalGradient(20);
        copy.load(ogd.state());
        assertThat(Leaves.flat(copy.apply(Leaves.gradient(p, 8), null))).containsExactly(Leaves.flat(out));
    }

    @Test
    void ogdFillsUpToItsCapacity() {
        OrthogonalGradient ogd = new OrthogonalGradient(3);
        for (int i = 0; i < 3; i++) {
            ogd.remember(Leaves.gradient(p, 10 + i));
        }
        assertThatThrownBy(() -> ogd.remember(Leaves.gradient(p, 20))).hasMessageContaining("3 directions");
        assertThat(ogd.size()).isEqualTo(3);
    }

    @Test
    void gpmLeavesProtectedInputsAlone() {
        SubspaceProjection gpm = new SubspaceProjection();
        ParamVector g = Leaves.gradient(p, 9);
        assertThat(gpm.apply(g, null)).isSameAs(g);
        Tensor inputs = Tensors.of(new double[] {1, 2, 1, 2}, 2, 2);
        assertThat(gpm.protect("w0", inputs, 0.99)).isEqualTo(1);
        ParamVector out = gpm.apply(g, null);
        assertThat(Tensors.doubles(out.get(0).mm(inputs))).containsExactly(new double[6], within(1e-12));
        assertThat(out.get(1)).as("biases stop").isNull();
        SubspaceProjection copy = new SubspaceProjection();
        copy.load(gpm.state());
        assertThat(Tensors.doubles(copy.apply(g, null).get(0))).containsExactly(Tensors.doubles(out.get(0)));
        // the same inputs again add nothing
        assertThat(gpm.protect("w0", inputs, 0.99)).isZero();
    }

    @Test
    void gpmKeepsABasisOrthonormalAsItGrows() {
        SubspaceProjection gpm = new SubspaceProjection();
        for (int task = 0; task < 4; task++) {
            gpm.protect("w", Rng.of(task).normal(ScalarType.Double, 12, 5), 0.6);
        }
        Tensor m = gpm.of("w").basis();
        double[] gram = Tensors.doubles(m.t().mm(m));
        int r = gpm.of("w").rank();
        for (int i = 0; i < r * r; i++) {
            assertThat(gram[i]).isCloseTo(i / r == i % r ? 1 : 0, within(1e-12));
        }
    }
}
