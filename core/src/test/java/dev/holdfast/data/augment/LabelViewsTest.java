package dev.holdfast.data.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Schema;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NativeMemory.class)
class LabelViewsTest {
    @ParameterizedTest
    @EnumSource(LabelViews.class)
    void viewsDifferAndTheFirstIsTheImage(LabelViews v) {
        Tensor x = Rng.of(1).uniform(ScalarType.Double, 2, 3, 4, 4);
        Set<String> seen = new HashSet<>();
        for (int m = 0; m < v.count(); m++) {
            seen.add(Arrays.toString(Tensors.doubles(v.apply(x, m).contiguous())));
        }
        assertThat(seen).hasSize(v.count());
        assertThat(Tensors.doubles(v.apply(x, 0))).isEqualTo(Tensors.doubles(x));
        assertThat(v.all(x).size(0)).isEqualTo(2L * v.count());
    }

    @ParameterizedTest
    @EnumSource(LabelViews.class)
    void averagesTakeTheViewOfTheClassThatTheImageShows(LabelViews v) {
        int m = v.count();
        int n = 2;
        int k = 3;
        double[][] z = Tensors.rows(Rng.of(2).normal(ScalarType.Double, n * m, k * m));
        double[][] averaged = Tensors.rows(v.average(Tensors.of(z)));
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < k; c++) {
                double sum = 0;
                for (int j = 0; j < m; j++) {
                    sum += z[j * n + i][c * m + j];
                }
                assertThat(averaged[i][c]).isCloseTo(sum / m, within(1e-12));
            }
        }
        assertThat(v.labels(new int[] {2}))
                .containsExactly(java.util.stream.IntStream.range(2 * m, 3 * m).toArray());
    }

    @Test
    void rowsWithoutSuchViewsAreRefused() {
        ClassIndex two = ClassIndex.numbered(2);
        assertThatThrownBy(() -> LabelViews.QUARTER_TURNS.requireFits(Schema.images(1, 4, 6, two)))
                .hasMessageContaining("square");
        assertThatThrownBy(() -> LabelViews.HALF_TURN.requireFits(Schema.vectors(4, two)))
                .hasMessageContaining("VECTOR");
        assertThatThrownBy(() -> LabelViews.TURNS_AND_COLOURS.requireFits(Schema.images(1, 4, 4, two)))
                .hasMessageContaining("three channels");
        assertThatCode(() -> LabelViews.HALF_TURN.requireFits(Schema.images(1, 4, 6, two)))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> LabelViews.HALF_TURN.apply(Tensors.zeros(ScalarType.Float, 1, 1, 2, 2), 2))
                .hasMessageContaining("no view 2");
    }
}
