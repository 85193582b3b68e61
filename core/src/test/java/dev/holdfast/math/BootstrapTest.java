package dev.holdfast.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.math.Bootstrap.Interval;
import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;

class BootstrapTest {
    @Example
    void givenDrawsGiveTheQuantilesOfTheirMeans() {
        int[][] draws = {{0, 0}, {0, 1}, {1, 1}};
        Interval i = Bootstrap.of(new double[] {0, 4}, x -> (x[0] + x[1]) / 2, 0.5, draws);
        // means 0, 2, 4: quantiles 0.25 and 0.75
        assertThat(i).isEqualTo(new Interval(1, 2, 3));
    }

    @Property(tries = 200)
    void theIntervalLiesInsideTheDataAndMovesWithThem(
            @ForAll @Size(min = 1, max = 20) List<@DoubleRange(min = -50, max = 50) Double> data) {
        double[] x = data.stream().mapToDouble(Double::doubleValue).toArray();
        Interval i = Bootstrap.mean(x, 0.9, 200, Rng.of(1)::below);
        double least = Arrays.stream(x).min().orElseThrow();
        double most = Arrays.stream(x).max().orElseThrow();
        assertThat(i.low()).isBetween(least - 1e-9, i.high() + 1e-9);
        assertThat(i.high()).isLessThanOrEqualTo(most + 1e-9);
        Interval shifted = Bootstrap.mean(Arrays.stream(x).map(v -> v + 8).toArray(), 0.9, 200, Rng.of(1)::below);
        assertThat(shifted.low()).isCloseTo(i.low() + 8, within(1e-9));
        assertThat(shifted.high()).isCloseTo(i.high() + 8, within(1e-9));
    }

    @Example
    void pairsCancelWhatBothSidesShare() {
        Rng rng = Rng.of(2);
        double[] a = new double[30];
        double[] b = new double[30];
        for (int i = 0; i < 30; i++) {
            double shared = 100 * rng.nextGaussian();
            a[i] = shared + 1 + 0.1 * rng.nextGaussian();
            b[i] = shared;
        }
        Interval i = Bootstrap.paired(a, b, 0.95, 1000, rng::below);
        assertThat(i.above(0.9)).isTrue();
        assertThat(i.below(1.1)).isTrue();
    }

    @Example
    void theIntervalCoversTheTruthAboutAsOftenAsItSays() {
        int covered = 0;
        for (int trial = 0; trial < 300; trial++) {
            Rng rng = Rng.of(3).child("trial", trial);
            double[] x = new double[40];
            Arrays.setAll(x, i -> rng.nextGaussian());
            Interval i = Bootstrap.mean(x, 0.9, 300, rng::below);
            covered += i.low() <= 0 && 0 <= i.high() ? 1 : 0;
        }
        assertThat(covered / 300.0).isBetween(0.82, 0.95);
    }

    @Example
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> Bootstrap.mean(new double[0], 0.9, 10, n -> 0)).hasMessageContaining("0 and 10");
        assertThatThrownBy(() -> Bootstrap.mean(new double[] {1}, 1, 10, n -> 0))
                .hasMessageContaining("(0, 1)");
        assertThatThrownBy(() -> Bootstrap.mean(new double[] {1, Double.NaN}, 0.9, 10, n -> 0))
                .hasMessageContaining("Number 1");
        assertThatThrownBy(() -> Bootstrap.paired(new double[2], new double[3], 0.9, 10, n -> 0))
                .hasMessageContaining("2 and 3");
    }
}
