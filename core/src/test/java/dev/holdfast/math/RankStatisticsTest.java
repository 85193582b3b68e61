package dev.holdfast.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.math.RankStatistics.Friedman;
import dev.holdfast.math.RankStatistics.Pair;
import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class RankStatisticsTest {
    /** Table 6 of Demsar 2006: areas under the curve of four classifiers on fourteen data sets. */
    private static final double[][] DEMSAR = {
        {0.763, 0.768, 0.771, 0.798},
        {0.599, 0.591, 0.590, 0.569},
        {0.954, 0.971, 0.968, 0.967},
        {0.628, 0.661, 0.654, 0.657},
        {0.882, 0.888, 0.886, 0.898},
        {0.936, 0.931, 0.916, 0.931},
        {0.661, 0.668, 0.609, 0.685},
        {0.583, 0.583, 0.563, 0.625},
        {0.775, 0.838, 0.866, 0.875},
        {1.000, 1.000, 1.000, 1.000},
        {0.940, 0.962, 0.965, 0.962},
        {0.619, 0.666, 0.614, 0.669},
        {0.972, 0.981, 0.9751, 0.975},
        {0.957, 0.978, 0.946, 0.970}
    };

    @Example
    void friedmanGivesThePublishedRanks() {
        Friedman f = RankStatistics.friedman(DEMSAR, true);
        assertThat(f.meanRanks()).containsExactly(new double[] {3.143, 2.000, 2.893, 1.964}, within(5e-4));
        // the paper leaves ties uncorrected: 9.28 and 3.69
        double uncorrected = 0;
        for (double r : f.meanRanks()) {
            uncorrected += r * r;
        }
        uncorrected = 12.0 * 14 / (4 * 5) * (uncorrected - 4 * 25 / 4.0);
        assertThat(uncorrected).isCloseTo(9.28, within(0.01));
        assertThat(f.chiSquared()).isGreaterThan(9.28);
        assertThat(f.fp()).isLessThan(0.05);
        assertThat(f.fp()).isLessThan(f.p());
    }

    @Example
    void nemenyiAgreesWithThePublishedTable() {
        // critical values q / sqrt 2 at 0.05 for 2 to 10 treatments, Demsar 2006, table 5(a)
        double[] q = {1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164};
        for (int k = 2; k <= 10; k++) {
            double se = Math.sqrt(k * (k + 1) / (6.0 * 30));
            assertThat(RankStatistics.nemenyi(k, 30, 0.05) / se).isCloseTo(q[k - 2], within(1.1e-3));
        }
        assertThat(RankStatistics.nemenyi(4, 14, 0.1)).isCloseTo(1.12, within(0.01));
    }

    @Example
    void comparisonsWithAControlAreThePublishedOnes() {
        List<Pair> pairs = RankStatistics.against(RankStatistics.friedman(DEMSAR, true), 0);
        // section 3.2.2: z = (3.143 - 1.964)/0.488 and so on
        assertThat(pairs.get(2).z()).isCloseTo(2.416, within(2e-3));
        assertThat(pairs.get(2).p()).isCloseTo(0.016, within(5e-4));
        assertThat(pairs.get(0).p()).isCloseTo(0.019, within(5e-4));
        assertThat(pairs.get(1).p()).isCloseTo(0.607, within(2e-3));
        assertThat(pairs.get(2).adjusted()).isCloseTo(3 * pairs.get(2).p(), within(1e-12));
        assertThat(RankStatistics.allPairs(RankStatistics.friedman(DEMSAR, true)))
                .hasSize(6);
    }

    @Example
    void holmStepsDown() {
        assertThat(RankStatistics.holm(0.01, 0.04, 0.03, 0.005))
                .containsExactly(new double[] {0.03, 0.06, 0.06, 0.02}, within(1e-15));
        assertThat(RankStatistics.holm(0.9, 0.8)).containsExactly(1, 1);
    }

    @Example
    void wilcoxonCountsSmallSamplesOut() {
        // all five differences positive: 2 of 32 sign patterns are as extreme
        assertThat(RankStatistics.wilcoxon(new double[] {2, 4, 6, 8, 10}, new double[] {1, 2, 3, 4, 5}))
                .isCloseTo(2.0 / 32, within(1e-15));
        assertThat(RankStatistics.wilcoxon(new double[] {1, 2}, new double[] {1, 2}))
                .isEqualTo(1);
        // ranks 1 and 2 positive against 3: smaller sum 3 of 8 patterns {0, 1, 2, 3, 3, 4, 5, 6}
        assertThat(RankStatistics.wilcoxon(new double[] {1, 2, 0}, new double[] {0, 0, 3}))
                .isEqualTo(1);
    }

    @Property(tries = 200)
    void wilcoxonAgreesWithCountingAllSigns(
            @ForAll @IntRange(min = 1, max = 10) int n, @ForAll @IntRange(max = 999) int seed) {
        Rng rng = Rng.of(seed);
        double[] a = new double[n];
        double[] zero = new double[n];
        Arrays.setAll(a, i -> rng.nextGaussian());
        double[] rank = RankStatistics.ranks(Arrays.stream(a).map(Math::abs).toArray(), false);
        double mean = n * (n + 1) / 4.0;
        double observed = 0;
        for (int i = 0; i < n; i++) {
            observed += a[i] > 0 ? rank[i] : 0;
        }
        int extreme = 0;
        for (int signs = 0; signs < 1 << n; signs++) {
            double w = 0;
            for (int i = 0; i < n; i++) {
                w += (signs >> i & 1) * rank[i];
            }
            extreme += Math.abs(w - mean) >= Math.abs(observed - mean) ? 1 : 0;
        }
        assertThat(RankStatistics.wilcoxon(a, zero)).isCloseTo((double) extreme / (1 << n), within(1e-12));
    }

    @Property
    void ranksDoNotDependOnTheScale(
            @ForAll @Size(min = 1, max = 12) List<@DoubleRange(min = -100, max = 100) Double> scores) {
        double[] x = scores.stream().mapToDouble(Double::doubleValue).toArray();
        double[] r = RankStatistics.ranks(x, true);
        assertThat(Arrays.stream(r).sum()).isCloseTo(x.length * (x.length + 1) / 2.0, within(1e-9));
        assertThat(RankStatistics.ranks(Arrays.stream(x).map(v -> 4 * v).toArray(), true))
                .containsExactly(r);
        double[] reversed = RankStatistics.ranks(x, false);
        for (int i = 0; i < r.length; i++) {
            assertThat(r[i] + reversed[i]).isEqualTo(x.length + 1);
        }
    }

    @Property(tries = 200)
    void friedmanDoesNotCareAboutMonotoneChangesInABlock(@ForAll @IntRange(max = 999) int seed) {
        Rng rng = Rng.of(seed);
        double[][] a = new double[6][4];
        double[][] b = new double[6][4];
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < 4; j++) {
                a[i][j] = rng.below(5);
                b[i][j] = Math.exp(a[i][j]) * (i + 1) - i;
            }
        }
        Friedman x = RankStatistics.friedman(a, true);
        Friedman y = RankStatistics.friedman(b, true);
        assertThat(y.chiSquared()).isEqualTo(x.chiSquared());
        assertThat(x.p()).isBetween(0.0, 1.0);
        assertThat(x.chiSquared()).isBetween(-1e-9, 6 * 3 + 1e-9);
    }

    @Example
    void perfectAgreementAndNoEvidenceAreBothAnswered() {
        double[][] same = {{1, 2, 3}, {1, 2, 3}, {1, 2, 3}};
        Friedman f = RankStatistics.friedman(same, true);
        assertThat(f.meanRanks()).containsExactly(3, 2, 1);
        assertThat(f.chiSquared()).isCloseTo(6, within(1e-12));
        assertThat(f.fp()).isZero();
        Friedman none = RankStatistics.friedman(new double[][] {{1, 1}, {2, 2}}, true);
        assertThat(none.chiSquared()).isZero();
        assertThat(none.p()).isEqualTo(1);
    }

    @Example
    void whatCannotBeTestedSaysSo() {
        assertThatThrownBy(() -> RankStatistics.friedman(new double[][] {{1, 2}}, true))
                .hasMessageContaining("at least two blocks");
        assertThatThrownBy(() -> RankStatistics.friedman(new double[][] {{1}, {2}}, true))
                .hasMessageContaining("two treatments");
        assertThatThrownBy(() -> RankStatistics.friedman(new double[][] {{1, 2}, {1, Double.NaN}}, true))
                .hasMessageContaining("Treatment 1 of block 1");
        assertThatThrownBy(() -> RankStatistics.friedman(new double[][] {{1, 2}, {1}}, true))
                .hasMessageContaining("Block 1");
    }

    @Example
    void correlationsOfRanks() {
        double[] a = {1, 2, 3, 4, 5};
        assertThat(RankStatistics.spearman(a, new double[] {1, 4, 9, 16, 25})).isCloseTo(1, within(1e-12));
        assertThat(RankStatistics.spearman(a, new double[] {5, 3, 4, 2, 1})).isCloseTo(-0.9, within(1e-12));
        assertThat(RankStatistics.kendall(a, new double[] {5, 3, 4, 2, 1})).isCloseTo(-0.8, within(1e-12));
        assertThat(RankStatistics.spearman(a, new double[] {2, 2, 2, 2, 2})).isNaN();
        assertThatThrownBy(() -> RankStatistics.spearman(a, new double[] {1})).hasMessageContaining("5 and 1");
    }
}
