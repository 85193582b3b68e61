package dev.holdfast.evaluate.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class AnytimeTest {
    @Test
    void meansOverTheCurveAndOverTheEnds() {
        Anytime a = Anytime.of(new double[] {0.2, 0.4, 0.9}, new double[] {0.8, 0.5}, null);
        assertThat(a.areaUnderCurve()).isCloseTo(0.5, within(1e-15));
        assertThat(a.average()).isCloseTo(0.65, within(1e-15));
        assertThat(a.last()).isEqualTo(0.5);
        assertThat(a.forgetting()).isNaN();
    }

    /** Class 0 falls from 0.9 to 0.5, class 1 rises from 0.2 to 0.6, class 2 had no past. */
    @Test
    void forgettingIsOverClassesWithAPast() {
        double[][] classes = {{0.9, 0, 0}, {0.7, 0.2, 0}, {0.5, 0.6, 1}};
        Anytime a = Anytime.of(new double[] {1}, new double[] {1, 1, 1}, classes);
        assertThat(a.forgetting()).isCloseTo((0.4 - 0.4) / 2, within(1e-15));
        assertThat(Anytime.of(new double[] {1}, new double[] {1}, new double[][] {{1, 1}})
                        .forgetting())
                .isNaN();
    }

    /** Tasks of 30 and 10 rows; evaluations every two updates, and one more at the end of the first task. */
    @Test
    void curvesAreWeightedByRowsAndOnlyRegularPointsMakeTheArea() {
        AccuracyCurves c = new AccuracyCurves(
                new long[] {2, 3, 4, 6},
                new int[] {0, 0, 1, 1},
                new double[][] {{0.4, Double.NaN}, {0.6, 0}, {0.8, 0.4}, {0.2, 1}},
                2);
        Anytime a = Anytime.of(c, 30, 10);
        assertThat(a.areaUnderCurve()).isCloseTo((0.4 + 0.7 + 0.4) / 3, within(1e-15));
        assertThat(a.average()).isCloseTo((0.6 + 0.4) / 2, within(1e-15));
        assertThat(a.last()).isCloseTo(0.4, within(1e-15));
    }

    @Property(tries = 100)
    void everyNumberLiesBetweenTheLeastAndTheMost(
            @ForAll @Size(min = 1, max = 20) List<@DoubleRange(max = 1) Double> periodic,
            @ForAll @Size(min = 1, max = 5) List<@DoubleRange(max = 1) Double> last) {
        double[] curve = array(periodic);
        double[] ends = array(last);
        Anytime a = Anytime.of(curve, ends, null);
        assertThat(a.areaUnderCurve())
                .isBetween(
                        Arrays.stream(curve).min().orElseThrow() - 1e-12,
                        Arrays.stream(curve).max().orElseThrow() + 1e-12);
        assertThat(a.average())
                .isBetween(
                        Arrays.stream(ends).min().orElseThrow() - 1e-12,
                        Arrays.stream(ends).max().orElseThrow() + 1e-12);
        assertThat(a.last()).isEqualTo(ends[ends.length - 1]);
    }

    /** With test sets of one size a task's accuracy counts like any other's, whatever that size. */
    @Property(tries = 50)
    void equalTestSetsGiveThePlainMean(@ForAll @Size(3) List<@DoubleRange(max = 1) Double> last) {
        double[] end = array(last);
        AccuracyCurves c = AccuracyCurves.of(
                new int[] {0, 1, 2}, new double[][] {{1, Double.NaN, Double.NaN}, {1, 1, Double.NaN}, end});
        double mean = Arrays.stream(end).average().orElseThrow();
        assertThat(Anytime.of(c, 7, 7, 7).last()).isCloseTo(mean, within(1e-12));
        assertThat(Anytime.of(c, 1000, 1000, 1000).last()).isCloseTo(mean, within(1e-12));
    }

    private static double[] array(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }

    @Test
    void nonsenseIsRefused() {
        double[] one = {0.5};
        assertThatThrownBy(() -> Anytime.of(new double[0], one, null)).hasMessageContaining("at least one");
        assertThatThrownBy(() -> Anytime.of(new double[] {50}, one, null)).hasMessageContaining("percent");
        assertThatThrownBy(() -> Anytime.of(one, new double[] {Double.NaN}, null))
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> Anytime.of(one, one, new double[][] {{1}, {1}}))
                .hasMessageContaining("2");
        AccuracyCurves c = new AccuracyCurves(new long[] {3}, new int[] {0}, new double[][] {{1}}, 2);
        assertThatThrownBy(() -> Anytime.of(c, 5)).hasMessageContaining("multiple of 2");
        assertThatThrownBy(() -> Anytime.of(c)).hasMessageContaining("test set");
    }
}
