package dev.holdfast.diagnose.scaling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class LrSensitivityTest {
    private static final double[] RATES = {1e-3, 1e-2, 1e-1};

    @Test
    void whatDivergedCountsAsIfItHadLearntNothing() {
        LrSensitivity s = LrSensitivity.of(RATES, new double[] {3, 2, Double.NaN}, 5);
        assertThat(s.sensitivity()).isCloseTo((1 + 0 + 3) / 3.0, within(1e-15));
        assertThat(s.bestLoss()).isEqualTo(2);
        assertThat(s.bestRate()).isEqualTo(1e-2);
        assertThat(s.diverged()).isEqualTo(1);
        assertThat(LrSensitivity.of(RATES, new double[] {3, 2, Double.POSITIVE_INFINITY}, 5))
                .isEqualTo(s);
        assertThat(LrSensitivity.of(RATES, new double[] {3, 2, 70}, 5)).isEqualTo(s);
    }

    @Test
    void aFlatCurveIsRobustAndOneThatDivergesAllOverIsNot() {
        LrSensitivity flat = LrSensitivity.of(RATES, new double[] {2, 2, 2}, 5);
        assertThat(flat.sensitivity()).isZero();
        assertThat(flat.allDiverged()).isFalse();
        assertThat(flat.bestRate()).isEqualTo(1e-3);
        LrSensitivity gone = LrSensitivity.of(RATES, new double[] {Double.NaN, 7, Double.NEGATIVE_INFINITY}, 5);
        assertThat(gone.sensitivity()).isZero();
        assertThat(gone.allDiverged()).isTrue();
        assertThat(gone.bestRate()).isNaN();
    }

    @Property
    void theOrderOfTheGridDoesNotMatter(@ForAll @Size(3) double @DoubleRange(min = 0, max = 9) [] losses) {
        LrSensitivity s = LrSensitivity.of(RATES, losses, 5);
        assertThat(s.sensitivity()).isGreaterThanOrEqualTo(0);
        double[] rates = {RATES[2], RATES[0], RATES[1]};
        double[] turned = {losses[2], losses[0], losses[1]};
        assertThat(LrSensitivity.of(rates, turned, 5)).isEqualTo(s);
    }

    @Test
    void badGridsAreRefused() {
        assertThatThrownBy(() -> LrSensitivity.of(new double[0], new double[0], 5))
                .hasMessageContaining("at least one");
        assertThatThrownBy(() -> LrSensitivity.of(RATES, new double[2], 5))
                .hasMessageContaining("3 learning rates and 2");
        assertThatThrownBy(() -> LrSensitivity.of(RATES, new double[3], Double.NaN))
                .hasMessageContaining("before training is NaN");
        assertThatThrownBy(() -> LrSensitivity.of(new double[] {0}, new double[1], 5))
                .hasMessageContaining("> 0");
    }
}
