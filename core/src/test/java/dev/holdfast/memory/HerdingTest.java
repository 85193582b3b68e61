package dev.holdfast.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class HerdingTest {
    private static double offCentre(Tensor f, int... rows) {
        return Tensors.rows(f, rows)
                .mean(new long[] {0})
                .sub(f.mean(new long[] {0}))
                .norm()
                .item_double();
    }

    @Test
    void everyChoiceIsTheBestOneGivenThoseBefore() {
        Tensor f = Rng.of(1).normal(ScalarType.Double, 9, 4);
        int[] order = Herding.select(f, 9);
        assertThat(Arrays.stream(order).sorted().toArray()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8);
        for (int k = 1; k <= 9; k++) {
            int[] chosen = Arrays.copyOf(order, k);
            double here = offCentre(f, chosen);
            for (int other = 0; other < 9; other++) {
                int candidate = other;
                if (Arrays.stream(order, 0, k).noneMatch(i -> i == candidate)) {
                    chosen[k - 1] = candidate;
                    assertThat(here).isLessThanOrEqualTo(offCentre(f, chosen) + 1e-12);
                }
            }
        }
        // all rows together have the mean of all rows
        assertThat(offCentre(f, order)).isLessThan(1e-12);
    }

    @Test
    void fewerChoicesAreAPrefixAndTiesGoToTheLowerRow() {
        Tensor f = Rng.of(2).normal(ScalarType.Double, 12, 3);
        assertThat(Herding.select(f, 5)).containsExactly(Arrays.copyOf(Herding.select(f, 12), 5));
        assertThat(Herding.select(Tensors.zeros(ScalarType.Double, 4, 2), 4)).containsExactly(0, 1, 2, 3);
        assertThat(Herding.select(f, 0)).isEmpty();
        assertThatThrownBy(() -> Herding.select(f, 13)).hasMessageContaining("13 of 12");
    }
}
