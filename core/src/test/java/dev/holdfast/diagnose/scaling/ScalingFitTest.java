package dev.holdfast.diagnose.scaling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;

class ScalingFitTest {
    private static final double[] SIZES = {1e5, 4e5, 1.6e6, 6.4e6};

    private static double[] law(double scale, double slope) {
        return Arrays.stream(SIZES).map(n -> scale * Math.pow(n, slope)).toArray();
    }

    @Property(tries = 100)
    void aPowerLawIsFoundAgain(
            @ForAll @DoubleRange(min = -1, max = 1) double slope,
            @ForAll @DoubleRange(min = 0.01, max = 1e3) double scale) {
        ScalingFit f = ScalingFit.line(SIZES, law(scale, slope));
        assertThat(f.slope()).isCloseTo(slope, within(1e-9));
        assertThat(Math.exp(f.intercept()) / scale).isCloseTo(1, within(1e-7));
        double there = scale * Math.pow(1e9, slope);
        assertThat(f.at(1e9) / there).isCloseTo(1, within(1e-8));
        assertThat(f.band(1e9).low() / there).isCloseTo(1, within(1e-7));
        assertThat(f.band(1e9).high() / there).isCloseTo(1, within(1e-7));
    }

    @Test
    void theSizeAtAThresholdIsWhereTheLineIs() {
        ScalingFit up = ScalingFit.line(SIZES, law(0.01, 0.5));
        assertThat(up.sizeAbove(1e4).orElseThrow() / 1e12).isCloseTo(1, within(1e-8));
        assertThat(up.sizeBelow(1e-3)).isEmpty();
        ScalingFit down = ScalingFit.line(SIZES, law(1, -0.5));
        assertThat(down.sizeBelow(1e-7).orElseThrow() / 1e14).isCloseTo(1, within(1e-8));
        assertThat(down.sizeAbove(1e4)).isEmpty();
    }

    @Test
    void whatHardlyGrowsHasNoSizeAtTheThreshold() {
        assertThat(ScalingFit.line(SIZES, law(1, 0.0499)).sizeAbove(1e4)).isEmpty();
        assertThat(ScalingFit.line(SIZES, law(1, 0.0501)).sizeAbove(1e4)).isPresent();
        assertThat(ScalingFit.line(SIZES, law(1, -0.0499)).sizeBelow(1e-4)).isEmpty();
    }

    @Test
    void aParabolaBendsAndCrossesOnTheSideWhereItRises() {
        double[] values = Arrays.stream(SIZES)
                .map(n -> Math.exp(0.02 * Math.pow(Math.log(n), 2) - 0.1 * Math.log(n)))
                .toArray();
        ScalingFit f = ScalingFit.parabola(SIZES, values);
        assertThat(f.slope()).isCloseTo(0.04 * Math.log(6.4e6) - 0.1, within(1e-8));
        double size = f.sizeAbove(1e4).orElseThrow();
        assertThat(size).isGreaterThan(6.4e6);
        assertThat(f.at(size)).isCloseTo(1e4, within(1e-4));
        assertThat(f.band(1e9).low() / f.at(1e9)).isCloseTo(1, within(1e-6));
        // one that turns before the threshold never gets there
        double[] cap = Arrays.stream(SIZES)
                .map(n -> Math.exp(-0.05 * Math.pow(Math.log(n) - 20, 2)))
                .toArray();
        assertThat(ScalingFit.parabola(SIZES, cap).sizeAbove(1e4)).isEmpty();
    }

    @Test
    void theBandHoldsWhatEachRunLeftOutWouldChange() {
        double[] values = {12, 40, 120, 420};
        ScalingFit f = ScalingFit.line(SIZES, values);
        ScalingFit.Band b = f.band(2.56e7);
        assertThat(b.low()).isLessThan(f.at(2.56e7));
        assertThat(b.high()).isGreaterThan(f.at(2.56e7));
        double without = ScalingFit.line(Arrays.copyOf(SIZES, 3), Arrays.copyOf(values, 3))
                .at(2.56e7);
        assertThat(without).isBetween(b.low(), b.high());
        ScalingFit two = ScalingFit.line(new double[] {1e5, 4e5}, new double[] {12, 40});
        assertThat(two.band(1e6).low()).isNaN();
        assertThat(two.band(1e6).high()).isNaN();
    }

    @Test
    void fitsOfNothingAreRefused() {
        assertThatThrownBy(() -> ScalingFit.line(new double[] {1e5}, new double[] {3}))
                .hasMessageContaining("different sizes");
        assertThatThrownBy(() -> ScalingFit.line(new double[] {1e5, 1e5}, new double[] {3, 4}))
                .hasMessageContaining("different sizes");
        assertThatThrownBy(() -> ScalingFit.parabola(new double[] {1e5, 2e5}, new double[] {3, 4}))
                .hasMessageContaining("3 coefficients");
        assertThatThrownBy(() -> ScalingFit.line(SIZES, new double[] {1, 2, 0, 4}))
                .hasMessageContaining("Values of a fit")
                .hasMessageContaining("> 0");
        assertThatThrownBy(() -> ScalingFit.line(SIZES, new double[] {1, 2, Double.POSITIVE_INFINITY, 4}))
                .hasMessageContaining("diverged");
        assertThatThrownBy(() -> ScalingFit.line(new double[] {-1, 2}, new double[] {1, 2}))
                .hasMessageContaining("Sizes of a fit");
        assertThatThrownBy(() -> ScalingFit.line(SIZES, new double[3])).hasMessageContaining("4 sizes and 3 values");
    }
}
