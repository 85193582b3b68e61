package dev.holdfast.evaluate.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class StabilityGapTest {
    private static final double NAN = Double.NaN;

    /** One to four tasks of one to twelve evaluations each, with steps that now and then leave a hole. */
    @Provide
    static Arbitrary<AccuracyCurves> curves() {
        Arbitrary<int[]> lengths = Arbitraries.integers()
                .between(1, 12)
                .array(int[].class)
                .ofMinSize(1)
                .ofMaxSize(4);
        return lengths.flatMap(l -> {
            int n = Arrays.stream(l).sum();
            Arbitrary<double[]> numbers = Arbitraries.integers()
                    .between(0, 20)
                    .map(i -> i / 20.0)
                    .array(Double[].class)
                    .ofSize(n * l.length)
                    .map(a -> Arrays.stream(a).mapToDouble(x -> x).toArray());
            Arbitrary<int[]> gaps = Arbitraries.frequency(net.jqwik.api.Tuple.of(6, 1), net.jqwik.api.Tuple.of(1, 4))
                    .array(Integer[].class)
                    .ofSize(n)
                    .map(a -> Arrays.stream(a).mapToInt(x -> x).toArray());
            return Combinators.combine(numbers, gaps).as((v, g) -> curve(l, v, g));
        });
    }

    private static AccuracyCurves curve(int[] lengths, double[] values, int[] gaps) {
        int n = gaps.length;
        long[] step = new long[n];
        int[] task = new int[n];
        double[][] a = new double[n][lengths.length];
        for (int at = 0, k = 0, left = lengths[0]; at < n; at++, left--) {
            if (left == 0) {
                left = lengths[++k];
            }
            step[at] = (at == 0 ? 0 : step[at - 1]) + gaps[at];
            task[at] = k;
            for (int i = 0; i < lengths.length; i++) {
                a[at][i] = i <= k ? values[at * lengths.length + i] : NAN;
            }
        }
        return new AccuracyCurves(step, task, a, 1);
    }

    private static AccuracyCurves upTo(AccuracyCurves c, int n) {
        return new AccuracyCurves(
                Arrays.copyOf(c.step(), n), Arrays.copyOf(c.task(), n), Arrays.copyOf(c.accuracy(), n), c.spacing());
    }

    @Property(tries = 300)
    void runningAndPureFormAgreeToTheBit(
            @ForAll("curves") AccuracyCurves c, @ForAll @IntRange(min = 1, max = 5) int beta) {
        List<Integer> windows = List.of(2, 3, 10);
        RunningStabilityGap running = new RunningStabilityGap(windows, beta, c.spacing());
        for (int n = 0; n < c.size(); n++) {
            running.observe(c.step()[n], c.task()[n], c.accuracy()[n]);
            // arrays inside are compared by content
            assertThat(running.result())
                    .usingRecursiveComparison()
                    .withEqualsForType((a, b) -> Double.compare(a, b) == 0, Double.class)
                    .isEqualTo(StabilityGap.of(upTo(c, n + 1), windows, beta));
        }
    }

    @Property(tries = 300)
    void invariantsOfTheDefinitions(@ForAll("curves") AccuracyCurves c) {
        StabilityGap g = StabilityGap.of(c, List.of(2, 5, 10, 1000), 10);
        double[] wc = StabilityGap.worstCaseAccuracies(c);
        for (int n = 0; n < c.size(); n++) {
            int k = c.task()[n] + 1;
            assertThat(wc[n])
                    .isLessThanOrEqualTo(
                            Arrays.stream(c.accuracy()[n], 0, k).average().orElseThrow() + 1e-12);
            for (int i = 0; i < g.minAccuracies().length - 1; i++) {
                if (c.task()[n] > i) {
                    assertThat(g.minAccuracies()[i]).isLessThanOrEqualTo(c.accuracy()[n][i]);
                }
            }
        }
        assertThat(wc[wc.length - 1]).isEqualTo(g.worstCaseAccuracy(), within(1e-12));
        assertThat(g.worstCaseAccuracy()).isLessThanOrEqualTo(g.accuracy() + 1e-12);
        for (int w = 1; w < g.windows().size(); w++) {
            assertThat(g.windows().get(w).forgetting())
                    .isGreaterThanOrEqualTo(g.windows().get(w - 1).forgetting());
            assertThat(g.windows().get(w).plasticity())
                    .isGreaterThanOrEqualTo(g.windows().get(w - 1).plasticity());
        }
        double before = 0;
        for (int n = 1; n <= c.size(); n++) {
            double now = StabilityGap.largestDrop(upTo(c, n), 0, 5);
            assertThat(now).isGreaterThanOrEqualTo(before);
            before = now;
        }
    }

    @Property(tries = 200)
    void risesAreTheDropsOfTheMirroredCurve(@ForAll("curves") AccuracyCurves c) {
        double[][] mirrored = Arrays.stream(c.accuracy())
                .map(row -> Arrays.stream(row).map(a -> 1 - a).toArray())
                .toArray(double[][]::new);
        AccuracyCurves m = new AccuracyCurves(c.step(), c.task(), mirrored, c.spacing());
        for (int i = 0; i < c.tasks(); i++) {
            assertThat(StabilityGap.largestRise(c, i, 4)).isCloseTo(StabilityGap.largestDrop(m, i, 4), within(1e-12));
        }
    }

    @Property(tries = 200)
    void whatOnlyRisesForgetsNothingAndWhatOnlyFallsLearnsNothing(@ForAll("curves") AccuracyCurves c) {
        double[][] rising = new double[c.size()][];
        double[][] falling = new double[c.size()][];
        for (int n = 0; n < c.size(); n++) {
            double at = n / (double) c.size();
            rising[n] = Arrays.stream(c.accuracy()[n])
                    .map(a -> Double.isNaN(a) ? a : at)
                    .toArray();
            falling[n] = Arrays.stream(c.accuracy()[n])
                    .map(a -> Double.isNaN(a) ? a : 1 - at)
                    .toArray();
        }
        assertThat(StabilityGap.of(new AccuracyCurves(c.step(), c.task(), rising, 1))
                        .window(10)
                        .forgetting())
                .isZero();
        assertThat(StabilityGap.of(new AccuracyCurves(c.step(), c.task(), falling, 1))
                        .window(10)
                        .plasticity())
                .isZero();
    }

    /** The minimum begins after a task's last update; what it went through while it was learnt does not count. */
    @Test
    void aTasksOwnLearningIsNotItsWorstCase() {
        AccuracyCurves c = AccuracyCurves.of(
                new int[] {0, 0, 1, 1}, new double[][] {{0.1, NAN}, {0.2, NAN}, {0.7, 0.4}, {0.6, 0.8}});
        StabilityGap g = StabilityGap.of(c);
        assertThat(g.minAccuracies()[0]).isEqualTo(0.6);
        assertThat(g.minAccuracies()[1]).isNaN();
        assertThat(g.minAccuracy()).isEqualTo(0.6);
        assertThat(g.worstCaseAccuracy()).isEqualTo(0.7, within(1e-12));
        assertThat(g.forgetting()).isEqualTo(-0.4, within(1e-12));
        assertThat(g.learningCurveArea()).isEqualTo((0.15 + 0.6) / 2, within(1e-12));
    }

    @Test
    void oneTaskHasNoPast() {
        StabilityGap g = StabilityGap.of(AccuracyCurves.of(new int[] {0, 0}, new double[][] {{0.5}, {0.4}}));
        assertThat(g.minAccuracy()).isNaN();
        assertThat(g.forgetting()).isNaN();
        assertThat(g.worstCaseAccuracy()).isEqualTo(0.4);
        assertThat(g.window(10).forgetting()).isEqualTo(0.1, within(1e-12));
    }

    /** A window reaches over as many updates as its evaluations take at the curve's spacing, not over a hole. */
    @Test
    void windowsDoNotReachOverHoles() {
        double[][] a = {{0.9}, {0.8}, {0.1}};
        int[] task = new int[3];
        assertThat(StabilityGap.largestDrop(new AccuracyCurves(new long[] {1, 2, 3}, task, a, 1), 0, 3))
                .isEqualTo(0.8, within(1e-12));
        assertThat(StabilityGap.largestDrop(new AccuracyCurves(new long[] {1, 2, 50}, task, a, 1), 0, 3))
                .isEqualTo(0.1, within(1e-12));
        assertThat(StabilityGap.largestDrop(new AccuracyCurves(new long[] {50, 100, 150}, task, a, 50), 0, 3))
                .isEqualTo(0.8, within(1e-12));
    }

    @Test
    void curvesWithHolesAndOddSettingsAreRefused() {
        double[][] hole = {{0.5, NAN}, {0.5, 0.5}, {NAN, 0.5}};
        assertThatThrownBy(() -> AccuracyCurves.of(new int[] {0, 1, 1}, hole))
                .hasMessageContaining("Task 0")
                .hasMessageContaining("evaluation 2")
                .hasMessageContaining("Maybe");
        assertThatThrownBy(() -> AccuracyCurves.of(new int[] {0, 1}, new double[][] {{0.5, NAN}, {0.5, NAN}}))
                .hasMessageContaining("Task 1");
        assertThatThrownBy(() -> AccuracyCurves.of(new int[] {0}, new double[][] {{50}}))
                .hasMessageContaining("percent");
        assertThatThrownBy(() -> AccuracyCurves.of(new int[0], new double[0][])).hasMessageContaining("at least one");
        assertThatThrownBy(() -> AccuracyCurves.of(new int[] {0, 1, 0}, new double[][] {{1, 1}, {1, 1}, {1, 1}}))
                .hasMessageContaining("comes back");
        assertThatThrownBy(() -> new AccuracyCurves(new long[] {2, 2}, new int[2], new double[][] {{1}, {1}}, 1))
                .hasMessageContaining("rising");
        assertThatThrownBy(() -> new AccuracyCurves(new long[] {1}, new int[1], new double[][] {{1}}, 0))
                .hasMessageContaining("spacing");
        assertThatThrownBy(() -> new AccuracyCurves(new long[] {1}, new int[2], new double[][] {{1}}, 1))
                .hasMessageContaining("2 tasks");
        assertThatThrownBy(() -> AccuracyCurves.of(new int[] {0, 0}, new double[][] {{1}, {1, 1}}))
                .hasMessageContaining("Evaluation 1");
        AccuracyCurves c = AccuracyCurves.of(new int[] {0, 0}, new double[][] {{1}, {1}});
        assertThatThrownBy(() -> StabilityGap.of(c, List.of(1), 1)).hasMessageContaining("window");
        assertThatThrownBy(() -> StabilityGap.of(c, List.of(2), 0)).hasMessageContaining("beta");
        assertThatThrownBy(() -> StabilityGap.of(c).window(7)).hasMessageContaining("[10, 100]");
        assertThatThrownBy(() -> new RunningStabilityGap(List.of(1), 1, 1)).hasMessageContaining("window");
        assertThatThrownBy(() -> new RunningStabilityGap(List.of(2), 0, 1)).hasMessageContaining("beta");
        assertThatThrownBy(() -> new RunningStabilityGap(List.of(2), 1, 0)).hasMessageContaining("spacing");
        RunningStabilityGap r = new RunningStabilityGap(List.of(2), 1, 1);
        assertThatThrownBy(r::result).hasMessageContaining("before the first");
        assertThatThrownBy(() -> r.observe(1, 0, new double[] {NAN})).hasMessageContaining("Task 0");
        r.observe(1, 0, new double[] {1});
        assertThatThrownBy(() -> r.observe(1, 0, new double[] {1})).hasMessageContaining("follow");
        assertThatThrownBy(() -> r.observe(2, 2, new double[] {1, 1, 1})).hasMessageContaining("follow");
    }
}
