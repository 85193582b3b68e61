package dev.holdfast.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.calibrate.objective.HObjective;
import dev.holdfast.calibrate.objective.HObjective.Config;
import dev.holdfast.calibrate.objective.HObjective.Weighting;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the objective of h-calibration promises beyond its golden vectors. */
class HObjectiveTest {
    private static Config config(int window, Weighting w, boolean leaveOut) {
        return new Config(window, 0, w, 15, leaveOut, 1);
    }

    private static int[] labels(int n, int classes, long seed) {
        Rng rng = Rng.of(seed);
        int[] y = new int[n];
        Arrays.setAll(y, i -> rng.below(classes));
        return y;
    }

    @Test
    void balancedWindowsCostNothing() {
        try (Scope s = Scope.open()) {
            // two classes, all probabilities one half: the sorted order is row by row, and every pair of events sums to
            // 0
            int n = 200;
            int[] y = new int[n];
            Tensor p = Tensors.of(new double[] {0.5}, 1, 1).expand(n, 2).contiguous();
            Config whole = new Config(0, 0.5, Weighting.UNWEIGHTED, 1, false, 1);
            assertThat(HObjective.value(whole, p, y).loss()).isZero();
            // a window of 1 sees +-1/2 only; what epsilon forgives is no error
            Config less = new Config(0, 0.25, Weighting.UNWEIGHTED, 1, false, 1);
            assertThat(HObjective.value(less, p, y).loss()).isCloseTo(0.25, within(1e-12));
        }
    }

    @ParameterizedTest
    @EnumSource(Weighting.class)
    void theOrderOfRowsSaysNothing(Weighting w) {
        try (Scope s = Scope.open()) {
            Tensor p = Rng.of(1).normal(ScalarType.Double, 300, 4).softmax(1);
            int[] y = labels(300, 4, 2);
            int[] order = Rng.of(3).permutation(300);
            int[] moved = Arrays.stream(order).map(i -> y[i]).toArray();
            HObjective.Value a = HObjective.value(config(20, w, true), p, y);
            HObjective.Value b = HObjective.value(config(20, w, true), Tensors.rows(p, order), moved);
            assertThat(b.loss()).isCloseTo(a.loss(), within(1e-12));
            for (int i = 0; i < 300; i++) {
                for (int c = 0; c < 4; c++) {
                    assertThat(b.gradient()[i * 4 + c]).isCloseTo(a.gradient()[order[i] * 4 + c], within(1e-12));
                }
            }
        }
    }

    @Test
    void theGradientIsTheSlopeOfTheValue() {
        try (Scope s = Scope.open()) {
            Tensor p = Rng.of(1).normal(ScalarType.Double, 100, 3).softmax(1);
            int[] y = labels(100, 3, 2);
            Config c = config(10, Weighting.UNWEIGHTED, true);
            HObjective.Value at = HObjective.value(c, p, y);
            double[] flat = Tensors.doubles(p);
            for (int e = 0; e < 300; e += 17) {
                double h = 1e-9;
                double[] up = flat.clone();
                up[e] += h;
                double[] down = flat.clone();
                down[e] -= h;
                double slope = (HObjective.value(c, Tensors.of(up, 100, 3), y).loss()
                                - HObjective.value(c, Tensors.of(down, 100, 3), y)
                                        .loss())
                        / (2 * h);
                assertThat(at.gradient()[e]).isCloseTo(slope, within(1e-6));
            }
        }
    }

    @Test
    void aClassThatIsAbsentLeavesAllRows() {
        try (Scope s = Scope.open()) {
            Tensor p = Rng.of(1).normal(ScalarType.Double, 50, 3).softmax(1);
            int[] y = new int[50];
            Arrays.setAll(y, i -> i % 2);
            double all = HObjective.value(config(10, Weighting.UNWEIGHTED, false), p, y)
                    .loss();
            double parts = 0;
            for (int c = 0; c < 2; c++) {
                int without = c;
                int[] rest = java.util.stream.IntStream.range(0, 50)
                        .filter(i -> y[i] != without)
                        .toArray();
                parts += HObjective.value(
                                config(10, Weighting.UNWEIGHTED, false),
                                Tensors.rows(p, rest),
                                Arrays.stream(rest).map(i -> y[i]).toArray())
                        .loss();
            }
            assertThat(HObjective.value(config(10, Weighting.UNWEIGHTED, true), p, y)
                            .loss())
                    .isCloseTo((parts + all) / 3, within(1e-12));
        }
    }

    @Test
    void saturatedProbabilitiesAndFewEventsAreFinite() {
        try (Scope s = Scope.open()) {
            Tensor p = Tensors.of(new double[] {1, 0, 0, 1, 1, 0}, 3, 2);
            for (Weighting w : Weighting.values()) {
                HObjective.Value v = HObjective.value(config(200, w, true), p, new int[] {0, 0, 1});
                assertThat(v.loss()).isFinite();
                assertThat(Arrays.stream(v.gradient()).allMatch(Double::isFinite))
                        .isTrue();
            }
        }
    }

    @Test
    void refusesWhatIsNoObjective() {
        assertThatThrownBy(() -> config(7, Weighting.CLUSTERED, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must be even");
        assertThatThrownBy(() -> new Config(2, -1, Weighting.CLUSTERED, 15, true, 1))
                .isInstanceOf(IllegalArgumentException.class);
        try (Scope s = Scope.open()) {
            assertThatThrownBy(
                            () -> HObjective.value(Config.DEFAULTS, Tensors.zeros(ScalarType.Double, 0, 2), new int[0]))
                    .hasMessageContaining("no rows");
            assertThatThrownBy(() -> HObjective.value(
                            Config.DEFAULTS, Tensors.of(new double[] {Double.NaN, 1}, 1, 2), new int[] {0}))
                    .hasMessageContaining("row 0");
        }
    }
}
