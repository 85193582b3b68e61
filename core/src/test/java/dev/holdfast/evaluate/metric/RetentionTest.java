package dev.holdfast.evaluate.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RetentionTest {
    private static final double NAN = Double.NaN;

    @Test
    void whatNeedsAPastIsUndefinedAtFirst() {
        Retention r = Retention.of(new double[][] {{0.7}}, new double[] {0.1});
        assertThat(r.averageAccuracy()).containsExactly(0.7);
        assertThat(r.averageIncrementalAccuracy()).containsExactly(0.7);
        assertThat(r.forgetting()).containsExactly(NAN);
        assertThat(r.forgettingClassic()).containsExactly(NAN);
        assertThat(r.backwardTransfer()).containsExactly(NAN);
        assertThat(r.zeroShotTransfer()).containsExactly(NAN);
        assertThat(Retention.forwardTransfer(new double[][] {{0.7}}, new double[] {0.5}))
                .containsExactly(NAN);
        assertThat(Retention.intransigence(new double[][] {{0.7}}, new double[] {0.9}))
                .containsExactly(new double[] {0.2}, within(1e-15));
    }

    @Test
    void theTwoFormsOfForgettingDifferByRowsBeforeTheTask() {
        // task 1 was named better before it was learnt than right after
        double[][] a = {{0.9, 0.8}, {0.5, 0.6}};
        Retention two = Retention.of(a, null);
        assertThat(two.forgetting()[1]).isCloseTo(0.4, within(1e-15));
        assertThat(two.backwardTransfer()[1]).isCloseTo(-0.4, within(1e-15));
        double[][] b = {{0.9, 0.8, 0}, {0.5, 0.6, 0}, {0.4, 0.5, 0.9}};
        Retention three = Retention.of(b, null);
        // survey: (0.9 - 0.4 + 0.8 - 0.5) / 2, classic: (0.9 - 0.4 + 0.6 - 0.5) / 2
        assertThat(three.forgetting()[2]).isCloseTo(0.4, within(1e-15));
        assertThat(three.forgettingClassic()[2]).isCloseTo(0.3, within(1e-15));
        assertThat(three.zeroShotTransfer()).containsExactly(NAN, NAN, NAN);
    }

    @Test
    void aTaskWithoutScoreBeforeItWasLearntCountsFromThereOn() {
        double[][] a = {{0.9, NAN, NAN}, {0.5, 0.6, NAN}, {0.4, 0.5, 0.9}};
        Retention r = Retention.of(a, null);
        assertThat(r.averageAccuracy()[2]).isCloseTo(0.6, within(1e-15));
        assertThat(r.forgetting()[2])
                .isCloseTo(r.forgettingClassic()[2], within(1e-15))
                .isCloseTo(0.3, within(1e-15));
    }

    @Test
    void whatWasNotMeasuredIsNotMadeUp() {
        double[][] a = {{NAN, NAN}, {0.5, 0.6}};
        Retention r = Retention.of(a, null);
        assertThat(r.averageAccuracy()[0]).isNaN();
        assertThat(r.averageAccuracy()[1]).isCloseTo(0.55, within(1e-15));
        assertThat(r.averageIncrementalAccuracy()[1]).isNaN();
        assertThat(r.forgetting()[1]).isNaN();
        assertThat(r.backwardTransfer()[1]).isNaN();
    }

    @Test
    void aSquareThatIsNoneIsRefusedByRow() {
        assertThatThrownBy(() -> Retention.of(new double[][] {{1, 2}, {1}}, null))
                .hasMessageContaining("Row 1");
    }
}
