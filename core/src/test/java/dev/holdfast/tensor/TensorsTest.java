package dev.holdfast.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class TensorsTest {
    @Test
    void arraysGoInAndComeOut() {
        assertThat(Tensors.doubles(Tensors.of(new double[] {1, 2, 3, 4}, 2, 2).t()))
                .containsExactly(1, 3, 2, 4);
        assertThat(Tensors.floats(Tensors.of(new float[] {1.5f}, 1))).containsExactly(1.5f);
        assertThat(Tensors.longs(Tensors.of(new long[] {1L << 60}, 1))).containsExactly(1L << 60);
        assertThat(Tensors.ints(Tensors.ids(3, 1))).containsExactly(3, 1);
        assertThat(Tensors.bytes(Tensors.ofBytes(new byte[] {-1, 5}, 2))).containsExactly(-1, 5);
        assertThat(Tensors.rows(Tensors.of(new double[][] {{1, 2}, {3, 4}}))[1]).containsExactly(3, 4);
        assertThat(Tensors.doubles(Tensors.of(new double[0][]))).isEmpty();
        assertThat(Tensors.of(new float[0], 0, 3).shape()).containsExactly(0, 3);
        assertThat(Tensors.item(Tensors.scalarLike(Tensors.of(new double[] {0}, 1), 0.1)))
                .isEqualTo(0.1);
    }

    @Test
    void conversionsLeaveNothingInTheCallersScope() {
        Tensor t = Tensors.of(new float[] {1, 2}, 2);
        try (Scope s = Scope.capped(0)) {
            Tensors.doubles(t);
            Tensors.floats(t);
            Tensors.longs(t);
            Tensors.bytes(t);
            Tensors.finite(t);
        }
    }

    @Test
    void shapesAreChecked() {
        assertThatThrownBy(() -> Tensors.of(new double[3], 2, 2)).hasMessageContaining("4 numbers but 3");
        assertThatThrownBy(() -> Tensors.of(new double[][] {{1}, {1, 2}})).hasMessageContaining("Row 1");
        assertThatThrownBy(() -> Tensors.count(2, -1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> Tensors.count(Long.MAX_VALUE, 2)).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> Tensors.requireShape("x", Tensors.ids(1), -1, 2))
                .hasMessageContaining("[any, 2]");
        assertThatThrownBy(() -> Tensors.oneHot(new int[] {0, 3}, 3, Tensors.ids(1)))
                .hasMessageContaining("Row 1");
        assertThat(Tensors.doubles(Tensors.oneHot(new int[] {1, -1}, 2, Tensors.of(new double[1], 1))))
                .containsExactly(0, 1, 0, 0);
    }

    @Test
    void whatIsNotFiniteIsFoundAndNamed() {
        for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            Tensor t = Tensors.of(new double[] {1, 2, bad, 4}, 2, 2);
            assertThat(Tensors.finite(t)).isFalse();
            assertThatThrownBy(() -> Tensors.requireFinite("Features", t))
                    .hasMessageContaining("Features")
                    .hasMessageContaining("row 1, entry 0");
        }
        assertThat(Tensors.finite(Tensors.of(new double[] {Double.MAX_VALUE, Double.MAX_VALUE}, 2)))
                .isTrue();
        assertThat(Tensors.finite(Tensors.zeros(ScalarType.Float, 0))).isTrue();
        assertThat(Tensors.finite(Tensors.ids(1, 2))).isTrue();
    }

    @Test
    void slicesAreViewsAndRowsAreCopies() {
        Tensor t = Tensors.of(new double[][] {{1, 2}, {3, 4}, {5, 6}});
        Tensors.slice(t, 1, 2).fill_(Tensors.scalar(0));
        assertThat(Tensors.doubles(t)).containsExactly(1, 2, 0, 0, 5, 6);
        Tensors.rows(t, 2).fill_(Tensors.scalar(9));
        assertThat(Tensors.doubles(t)).containsExactly(1, 2, 0, 0, 5, 6);
        assertThat(Tensors.doubles(Tensors.slice(t, 1, 1, 2))).containsExactly(2, 0, 6);
        Tensor copy = Tensors.copy(t);
        t.zero_();
        assertThat(Tensors.doubles(copy)[0]).isEqualTo(1);
        assertThat(Tensors.cat(0, t, copy).shape()).containsExactly(6, 2);
    }
}
