package dev.holdfast.evaluate.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class TopKTest {
    private static Prediction said(double[]... scores) {
        return new Prediction(Tensors.of(scores), ClassIndex.named(List.of("a", "b", "c")), Prediction.Kind.SCORES);
    }

    @Test
    void ranksCountBetterColumnsAndEarlierTies() {
        TopK t = TopK.of(
                said(new double[] {3, 1, 2}, new double[] {1, 1, 1}, new double[] {0, 5, 5}), new long[] {2, 1, 1});
        assertThat(t.rank()).containsExactly(1, 1, 0);
        assertThat(t.accuracy(1)).isCloseTo(1 / 3., within(1e-15));
        assertThat(t.accuracy(2)).isEqualTo(1);
    }

    @Test
    void balancedCountsEveryClassAlike() {
        double[] a = {9, 5, 1};
        TopK t = TopK.of(said(a, a, a, a), new long[] {0, 0, 0, 2});
        assertThat(t.accuracy(1)).isEqualTo(0.75);
        assertThat(t.balanced(1)).isEqualTo(0.5);
        assertThat(t.balanced(3)).isEqualTo(1);
    }

    @Test
    void oneIsAccuracyAsPredictionsMeanIt() {
        Prediction p = said(new double[] {2, 2, 0}, new double[] {0, 1, 1}, new double[] {5, 6, 7});
        long[] truth = {0, 2, 2};
        int[] classes = p.classes();
        int right = 0;
        for (int i = 0; i < classes.length; i++) {
            right += classes[i] == truth[i] ? 1 : 0;
        }
        assertThat(TopK.of(p, truth).accuracy(1)).isEqualTo(right / 3.);
    }

    @Test
    void aClassWithoutAColumnIsNeverNamedHoweverLargeK() {
        TopK t = TopK.of(said(new double[] {1, 2, 3}), new long[] {7});
        assertThat(t.accuracy(3)).isZero();
        assertThat(t.accuracy(100)).isZero();
    }

    @Test
    void partsAddUp() {
        TopK whole = TopK.of(said(new double[] {3, 1, 2}, new double[] {1, 2, 3}), new long[] {2, 0});
        TopK parts = TopK.of(said(new double[] {3, 1, 2}), new long[] {2})
                .and(TopK.of(said(new double[] {1, 2, 3}), new long[] {0}));
        assertThat(parts.rank()).containsExactly(whole.rank());
        assertThat(parts.truth()).containsExactly(whole.truth());
        assertThatThrownBy(() -> whole.and(new TopK(new int[0], new long[0], 4)))
                .hasMessageContaining("3 columns");
    }

    @Test
    void badInputIsRefused() {
        Prediction p = said(new double[] {1, 2, 3});
        assertThatThrownBy(() -> TopK.of(p, new long[] {1, 2})).hasMessageContaining("1 rows were predicted");
        assertThatThrownBy(() -> TopK.of(p, new long[] {1}).accuracy(0)).hasMessageContaining("must be >= 1");
        assertThatThrownBy(() -> TopK.of(said(new double[] {1, Double.NaN, 3}), new long[] {1}))
                .hasMessageContaining("Scores to be ranked");
    }
}
