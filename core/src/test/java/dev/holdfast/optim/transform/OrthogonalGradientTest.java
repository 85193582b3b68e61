package dev.holdfast.optim.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Remembered directions when a head grows. */
@ExtendWith(NativeMemory.class)
class OrthogonalGradientTest {
    private static ParamVector vector(double[] a, double[] b) {
        Tensor[] parts = {Tensors.of(a, a.length), Tensors.of(b, b.length)};
        ParamMeta m = new ParamMeta("a", ParamMeta.Role.HIDDEN, 1, 1, true, 0);
        ParamMeta n = new ParamMeta("b", ParamMeta.Role.HEAD, 1, 1, true, 0);
        return new ParamVector(new Parameters(List.of(m, n), List.of(parts[0].clone(), parts[1].clone())), parts);
    }

    @Test
    void directionsGetZerosWhereLeavesGrew() {
        OrthogonalGradient ogd = new OrthogonalGradient(5);
        ogd.remember(vector(new double[] {3, 0}, new double[] {4}));
        ogd.grow(new long[] {2, 1}, new long[] {3, 2});
        // the remembered direction is (0.6, 0, 0 | 0.8, 0)
        ParamVector g = ogd.apply(vector(new double[] {1, 2, 3}, new double[] {1, 4}), null);
        double[] a = Tensors.doubles(g.get(0));
        double[] b = Tensors.doubles(g.get(1));
        assertThat(a[0]).isCloseTo(1 - 0.6 * 1.4, within(1e-15));
        assertThat(b[0]).isCloseTo(1 - 0.8 * 1.4, within(1e-15));
        assertThat(new double[] {a[1], a[2], b[1]}).containsExactly(2, 3, 4);
        // and goes on to take new ones
        assertThat(ogd.remember(vector(new double[] {0, 0, 1}, new double[] {0, 0})))
                .isTrue();
        assertThat(ogd.remember(vector(new double[] {3, 0, 0}, new double[] {4, 0})))
                .isFalse();
        assertThat(ogd.size()).isEqualTo(2);
    }

    @Test
    void withoutDirectionsThereIsNothingToGrow() {
        OrthogonalGradient ogd = new OrthogonalGradient(5);
        ogd.grow(new long[] {2}, new long[] {7});
        assertThat(ogd.size()).isZero();
    }

    @Test
    void refusesLeavesThatShrankOrWent() {
        OrthogonalGradient ogd = new OrthogonalGradient(5);
        assertThatThrownBy(() -> ogd.grow(new long[] {2, 1}, new long[] {2, 0}))
                .hasMessageContaining("Leaf 1 had 1 numbers but now has 0");
        assertThatThrownBy(() -> ogd.grow(new long[] {2}, new long[] {2, 1})).hasMessageContaining("1 leaves");
    }
}
