package dev.holdfast.estimate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Prototypes of few rows, calibrated by those of many. */
@ExtendWith(NativeMemory.class)
class PrototypeBankTest {
    private static final double[][] BASE = {{3, 0, 0}, {0, 0.5, 0}, {1, 1, 1}};

    private static PrototypeBank bank(double alpha, double tau) {
        return new PrototypeBank(Tensors.of(BASE), new PrototypeCalibration(alpha, tau), c -> "class " + c);
    }

    private static double[] row(Tensor t, int i) {
        return Tensors.doubles(t.select(0, i));
    }

    @Test
    void withoutWeightItIsTheNearestClassMean() {
        try (Scope s = Scope.open()) {
            PrototypeBank b = bank(0, 16);
            b.announce(Tensors.of(new double[][] {{0, 2, 0}, {0, 0, 4}}), new int[] {3, 3}, c -> "?");
            double r = Math.sqrt(5);
            assertThat(row(b.weights(), 3)).containsExactly(new double[] {0, 1 / r, 2 / r}, within(1e-15));
        }
    }

    @Test
    void withoutTemperatureAllBaseClassesCountAlike() {
        try (Scope s = Scope.open()) {
            PrototypeBank b = bank(1, 0);
            b.announce(Tensors.of(new double[][] {{0, 0, -1}}), new int[] {3}, c -> "?");
            double t = 1 / Math.sqrt(3);
            double[] sum = {1 + t, 1 + t, t};
            double norm = Math.sqrt(2 * (1 + t) * (1 + t) + t * t);
            assertThat(row(b.weights(), 3))
                    .containsExactly(new double[] {sum[0] / norm, sum[1] / norm, sum[2] / norm}, within(1e-12));
        }
    }

    @Test
    void aClassThatLooksLikeABaseClassStaysThere() {
        try (Scope s = Scope.open()) {
            PrototypeBank b = bank(0.5, 1e4);
            b.announce(Tensors.of(new double[][] {{0, 7, 0}}), new int[] {3}, c -> "?");
            assertThat(row(b.weights(), 3)).containsExactly(new double[] {0, 1, 0}, within(1e-12));
        }
    }

    @Test
    void baseMeansAreRawAndNeverMove() {
        try (Scope s = Scope.open()) {
            PrototypeBank b = bank(0.5, 16);
            assertThat(b.announce(Tensors.of(new double[][] {{9, 9, 9}, {0, 1, 1}}), new int[] {0, 3}, c -> "?"))
                    .isEqualTo(1);
            for (int c = 0; c < 3; c++) {
                assertThat(row(b.weights(), c)).containsExactly(BASE[c]);
            }
            assertThat(b.columns()).isEqualTo(4);
        }
    }

    @Test
    void laterClassesAreCalibratedByTheBaseAlone() {
        try (Scope s = Scope.open()) {
            PrototypeBank one = bank(0.5, 16);
            one.announce(Tensors.of(new double[][] {{0, 1, 1}}), new int[] {3}, c -> "?");
            PrototypeBank two = bank(0.5, 16);
            two.announce(Tensors.of(new double[][] {{0, 1, 0.9}, {0, 1, 1}}), new int[] {3, 4}, c -> "?");
            assertThat(row(two.weights(), 4)).containsExactly(row(one.weights(), 3), within(1e-15));
        }
    }

    @Test
    void aClassThatIsAnnouncedTwiceHasTheMeanOfAllItsRows() {
        try (Scope s = Scope.open()) {
            PrototypeBank twice = bank(0.3, 16);
            twice.announce(Tensors.of(new double[][] {{1, 2, 3}}), new int[] {3}, c -> "?");
            twice.announce(Tensors.of(new double[][] {{4, 0, 1}, {2, 2, 2}}), new int[] {3, 3}, c -> "?");
            PrototypeBank once = bank(0.3, 16);
            once.announce(Tensors.of(new double[][] {{1, 2, 3}, {4, 0, 1}, {2, 2, 2}}), new int[] {3, 3, 3}, c -> "?");
            assertThat(row(twice.weights(), 3)).containsExactly(row(once.weights(), 3), within(1e-14));
        }
    }

    @Test
    void aPrototypeWithoutDirectionIsRefusedByName() {
        try (Scope s = Scope.open()) {
            PrototypeBank b = bank(0.5, 16);
            b.announce(Tensors.of(new double[][] {{1, 2, 3}}), new int[] {3}, c -> "?");
            double[] before = Tensors.doubles(b.weights());
            assertThatThrownBy(() -> b.announce(
                            Tensors.of(new double[][] {{1, 0, 0}, {-1, 0, 0}, {5, 5, 5}}),
                            new int[] {4, 4, 3},
                            c -> "7 ('bag')"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("7 ('bag')")
                    .hasMessageContaining("points nowhere");
            assertThat(Tensors.doubles(b.weights())).containsExactly(before);
            assertThatThrownBy(() -> new PrototypeBank(
                            Tensors.of(new double[][] {{1, 0}, {0, 0}}), PrototypeCalibration.defaults(), c -> "c" + c))
                    .hasMessageContaining("c1");
        }
    }

    @Test
    void columnsLeaveNoGap() {
        try (Scope s = Scope.open()) {
            assertThatThrownBy(() ->
                            bank(0, 1).announce(Tensors.of(new double[][] {{1, 0, 0}}), new int[] {5}, c -> "x" + c))
                    .hasMessageContaining("x5")
                    .hasMessageContaining("next free one is 3");
        }
    }

    @Test
    void aSavedBankGoesOn() {
        try (Scope s = Scope.open()) {
            PrototypeBank b = bank(0.5, 16);
            b.announce(Tensors.of(new double[][] {{0, 1, 1}}), new int[] {3}, c -> "?");
            PrototypeBank other = bank(0.5, 16);
            other.load(b.state());
            for (PrototypeBank x : new PrototypeBank[] {b, other}) {
                x.announce(Tensors.of(new double[][] {{2, 1, 1}}), new int[] {3}, c -> "?");
            }
            assertThat(Tensors.doubles(other.weights())).containsExactly(Tensors.doubles(b.weights()));
        }
    }

    @Test
    void numbersOutOfRangeAreRefused() {
        assertThatThrownBy(() -> new PrototypeCalibration(1.1, 16)).hasMessageContaining("1.1");
        assertThatThrownBy(() -> new PrototypeCalibration(-0.1, 16)).hasMessageContaining("-0.1");
        assertThatThrownBy(() -> new PrototypeCalibration(0.5, -1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> new PrototypeCalibration(0.5, Double.NaN)).hasMessageContaining("NaN");
    }
}
