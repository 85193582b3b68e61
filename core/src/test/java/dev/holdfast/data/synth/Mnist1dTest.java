package dev.holdfast.data.synth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.junit.jupiter.api.Test;

class Mnist1dTest {
    private static final Mnist1d.Config SMALL = new Mnist1d.Config(100, 50, 36, 60, 0.4, 48, 0.25, 0.02, 0.75, 40);

    @Test
    void aTemplateStartsAtZeroWithDeviationOneSixth() {
        for (int d = 0; d < 10; d++) {
            double[] t = Mnist1d.template(d);
            double mean = java.util.Arrays.stream(t).average().orElseThrow();
            double var = java.util.Arrays.stream(t)
                    .map(v -> (v - mean) * (v - mean))
                    .average()
                    .orElseThrow();
            assertThat(t[0]).isZero();
            assertThat(Math.sqrt(var)).isCloseTo(1 / 6.0, within(1e-12));
        }
    }

    @Test
    void interpolationIsExactOnALineAndKeepsTheEnds() {
        double[] y = Mnist1d.interpolate(new double[] {1, 3, 5}, 9);
        for (int i = 0; i < 9; i++) {
            assertThat(y[i]).isCloseTo(1 + 0.5 * i, within(1e-12));
        }
    }

    @Test
    void theFilterKeepsAConstantAndSpreadsAPulseByItsDeviation() {
        double[] one = new double[30];
        java.util.Arrays.fill(one, 3);
        assertThat(Mnist1d.gaussianFilter(one, 2)).containsExactly(one, within(1e-12));
        double[] pulse = new double[61];
        pulse[30] = 1;
        double[] y = Mnist1d.gaussianFilter(pulse, 2);
        assertThat(y[32] / y[30]).isCloseTo(Math.exp(-0.5), within(1e-12));
        double edge = Mnist1d.gaussianFilter(new double[] {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 2)[0];
        // mirrored at the end: the pulse counts for itself and for its image one step outside
        assertThat(edge).isCloseTo(y[30] + y[31], within(1e-12));
    }

    @Test
    void withoutNoiseAnExampleIsTheStretchedTemplate() {
        Mnist1d.Config plain = new Mnist1d.Config(10, 10, 0, 0, 0, 1, 0, 0, 0, 12);
        double[] x = Mnist1d.example(plain, 7, Rng.of(1));
        double[] t = Mnist1d.template(7);
        for (int i = 0; i < 12; i++) {
            assertThat(x[i]).isCloseTo(t[i], within(1e-7));
        }
    }

    @Test
    void rowsAreBalancedAndAFunctionOfTheSeed() {
        MemoryDataset a = Mnist1d.train(SMALL, Rng.of(1));
        assertThat(Splits.counts(a.classIds()).values()).hasSize(10).containsOnly(10);
        assertThat(a.fingerprint()).isEqualTo(Mnist1d.train(SMALL, Rng.of(1)).fingerprint());
        assertThat(a.fingerprint()).isNotEqualTo(Mnist1d.train(SMALL, Rng.of(2)).fingerprint());
        try (Scope s = Scope.open()) {
            float[] x = Tensors.floats(a.rows(0, 1, 2).inputs().x());
            assertThat(x).hasSize(120);
            // the ten classes differ by more than noise, but nothing leaves the picture
            for (float v : x) {
                assertThat(v).isBetween(-3f, 3f);
            }
        }
    }

    @Test
    void settingsAreChecked() {
        assertThatThrownBy(() -> new Mnist1d.Config(15, 10, 36, 60, 0.4, 48, 0.25, 0.02, 0.75, 40))
                .hasMessageContaining("ten digits");
        assertThatThrownBy(() -> new Mnist1d.Config(10, 10, 36, 60, 0.4, 80, 0.25, 0.02, 0.75, 40))
                .hasMessageContaining("maxTranslation");
    }
}
