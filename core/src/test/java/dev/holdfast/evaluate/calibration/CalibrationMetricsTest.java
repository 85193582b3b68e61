package dev.holdfast.evaluate.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Measures of calibration beyond their golden vectors: against plain double sums, on rows in another order, on bad input. */
class CalibrationMetricsTest {
    private static LabelledProbabilities sample(int n, int classes, long seed) {
        try (Scope s = Scope.open()) {
            Rng rng = Rng.of(seed);
            int[] y = new int[n];
            Arrays.setAll(y, i -> rng.below(classes));
            return LabelledProbabilities.ofLogits(rng.child("z").normal(ScalarType.Double, n, classes), y);
        }
    }

    @ParameterizedTest
    @EnumSource(CalibrationMetric.class)
    void theOrderOfRowsSaysNothing(CalibrationMetric m) {
        LabelledProbabilities x = sample(257, 4, 1);
        assertThat(m.of(x.rows(Rng.of(2).permutation(257)))).isCloseTo(m.of(x), within(1e-10));
    }

    /** Sums over all pairs as their definitions have them; so many rows that there is more than one block. */
    @Test
    void pairsAreSummedInBlocks() {
        int n = 1600;
        LabelledProbabilities x = sample(n, 3, 3);
        double skce = 0;
        double mmce = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                double distance = 0;
                double product = 0;
                for (int c = 0; c < 3; c++) {
                    double d = x.p(i, c) - x.p(j, c);
                    distance += d * d;
                    product += ((x.label(i) == c ? 1 : 0) - x.p(i, c)) * ((x.label(j) == c ? 1 : 0) - x.p(j, c));
                }
                skce += i < j ? Math.exp(-Math.sqrt(distance)) * product : 0;
                mmce += ((x.correct(i) ? 1 : 0) - x.confidence(i))
                        * ((x.correct(j) ? 1 : 0) - x.confidence(j))
                        * Math.exp(-2.5 * Math.abs(x.confidence(i) - x.confidence(j)));
            }
        }
        assertThat(CanonicalErrors.squaredKernel(x)).isCloseTo(skce / (n * (n - 1) / 2.0), within(1e-10));
        assertThat(TopLabelErrors.mmce(x)).isCloseTo(Math.sqrt(mmce) / n, within(1e-10));
        int[] few = Rng.of(1).permutation(n);
        assertThat(CanonicalErrors.dirichletKernel(x, 1))
                .isCloseTo(CanonicalErrors.dirichletKernel(x.rows(few), 1), within(1e-10));
    }

    @Test
    void certainAndRightIsPerfect() {
        try (Scope s = Scope.open()) {
            LabelledProbabilities x = LabelledProbabilities.of(
                    Tensors.of(new double[] {1, 0, 0, 1, 1, 0, 0, 1}, 4, 2), new int[] {0, 1, 0, 1});
            for (CalibrationMetric m : CalibrationMetric.values()) {
                double v = m.of(x);
                if (m == CalibrationMetric.KDE_ECE) {
                    assertThat(v).as("no spread, no density").isNaN();
                } else {
                    assertThat(v).as(m.label()).isCloseTo(0, within(1e-12));
                }
            }
            assertThat(x.accuracy()).isOne();
        }
    }

    @Test
    void aSingleRowAndFewRowsAreMeasured() {
        for (int n : new int[] {1, 2, 7, 20}) {
            LabelledProbabilities x = sample(n, 3, 5);
            for (CalibrationMetric m : CalibrationMetric.values()) {
                if (m.family() == CalibrationMetric.Family.PROPER
                        || m == CalibrationMetric.ECE
                        || m == CalibrationMetric.D_ECE) {
                    assertThat(m.of(x)).as(m.label()).isFinite();
                } else {
                    m.of(x);
                }
            }
        }
    }

    @Test
    void theReliabilityTableAddsUp() {
        LabelledProbabilities x = sample(500, 3, 6);
        Reliability r = Reliability.of(x, 15);
        assertThat(r.bins()).hasSize(15);
        assertThat(r.bins().stream().mapToInt(Reliability.Row::count).sum()).isEqualTo(500);
        double hits =
                r.bins().stream().mapToDouble(b -> b.count() * b.accuracy()).sum();
        assertThat(hits / 500).isCloseTo(x.accuracy(), within(1e-12));
        double ece = r.bins().stream()
                .mapToDouble(b -> b.count() / 500.0 * Math.abs(b.confidence() - b.accuracy()))
                .sum();
        assertThat(CalibrationMetric.ECE.of(x)).isCloseTo(ece, within(1e-12));
    }

    @Test
    void refusesWhatIsNoProbability() {
        try (Scope s = Scope.open()) {
            Tensor logits = Tensors.of(new double[] {3, -1}, 1, 2);
            refused(() -> LabelledProbabilities.of(logits, new int[] {0}), "ofLogits");
            refused(
                    () -> LabelledProbabilities.of(Tensors.of(new double[] {0.5, 0.2}, 1, 2), new int[] {0}),
                    "sum to 0.7");
            refused(() -> LabelledProbabilities.ofLogits(logits, new int[] {2}), "Row 0 has the class of column 2");
            refused(() -> LabelledProbabilities.ofLogits(logits, new int[] {0, 1}), "shape");
            refused(
                    () -> LabelledProbabilities.ofLogits(Tensors.of(new double[] {Double.NaN, 0}, 1, 2), new int[] {0}),
                    "row 0, entry 0");
            refused(
                    () -> LabelledProbabilities.ofLogits(Tensors.zeros(ScalarType.Double, 0, 2), new int[0]),
                    "at least one row");
            refused(() -> TopLabelErrors.equalWidth(sample(5, 2, 1), 0, 1), "Bins");
        }
    }

    private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String says) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(says);
    }
}
