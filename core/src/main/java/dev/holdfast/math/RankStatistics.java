package dev.holdfast.math;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.hipparchus.analysis.solvers.BrentSolver;
import org.hipparchus.distribution.continuous.ChiSquaredDistribution;
import org.hipparchus.distribution.continuous.FDistribution;
import org.hipparchus.distribution.continuous.NormalDistribution;
import org.hipparchus.stat.correlation.KendallsCorrelation;
import org.hipparchus.stat.correlation.SpearmansCorrelation;
import org.hipparchus.stat.ranking.NaNStrategy;
import org.hipparchus.stat.ranking.NaturalRanking;
import org.hipparchus.stat.ranking.TiesStrategy;

/**
 * Ranks of treatments over blocks (learners over seeds or data sets) and what may be concluded from them.
 *
 * <p>Demsar: <i>Statistical Comparisons of Classifiers over Multiple Data Sets</i>, JMLR 7, 2006, sections 3.1.3 to 3.2.
 * Pure functions; safe from any thread.
 */
public final class RankStatistics {
    private static final NormalDistribution NORMAL = new NormalDistribution();
    /** Up to this many pairs Wilcoxon's p value is counted out, beyond it is approximated. */
    private static final int COUNTED = 50;

    private RankStatistics() {}

    /**
     * Friedman's test that all treatments are alike.
     *
     * @param meanRanks mean rank of each treatment, 1 = best; ties share the mean of their ranks
     * @param chiSquared Friedman's statistic, corrected for ties, with k-1 degrees of freedom
     * @param p of chiSquared
     * @param f Iman and Davenport's statistic, less conservative, with k-1 and (k-1)(n-1) degrees of freedom
     * @param fp of f
     */
    public record Friedman(
            int blocks, int treatments, double[] meanRanks, double chiSquared, double p, double f, double fp) {}

    /** Two treatments: difference of mean ranks in standard errors, two-sided p value, and that value after Holm. */
    public record Pair(int first, int second, double z, double p, double adjusted) {}

    /**
     * Friedman's test over {@code scores[block][treatment]}.
     *
     * @throws IllegalArgumentException with fewer than two blocks or treatments, with which no test is possible, and
     *     for ragged or undefined scores
     */
    public static Friedman friedman(double[][] scores, boolean higherIsBetter) {
        int n = scores.length;
        int k = n == 0 ? 0 : scores[0].length;
        if (n < 2 || k < 2) {
            throw new IllegalArgumentException("Ranks can be tested with at least two blocks (seeds or data sets) of at"
                    + " least two treatments, but there are " + n + " of " + k + ".");
        }
        double[] sums = new double[k];
        double ties = 0;
        for (int b = 0; b < n; b++) {
            if (scores[b].length != k) {
                throw new IllegalArgumentException(
                        "Block " + b + " has " + scores[b].length + " scores but block 0 has " + k + ".");
            }
            double[] rank = ranks(scores[b], higherIsBetter, b);
            for (int t = 0; t < k; t++) {
                sums[t] += rank[t];
            }
            ties += tieTerm(rank);
        }
        double spread = 0;
        for (double s : sums) {
            spread += (s - n * (k + 1) / 2.0) * (s - n * (k + 1) / 2.0);
        }
        double noise = n * k * (k + 1) - ties / (k - 1);
        // all scores equal in every block: no evidence at all
        double chi = noise <= 0 ? 0 : 12 * spread / noise;
        double rest = n * (k - 1) - chi;
        double f = rest <= 1e-12 * n * (k - 1) ? Double.POSITIVE_INFINITY : (n - 1) * chi / rest;
        double fp = Double.isInfinite(f)
                ? 0
                : 1 - new FDistribution(k - 1, (double) (k - 1) * (n - 1)).cumulativeProbability(f);
        double p = 1 - new ChiSquaredDistribution(k - 1).cumulativeProbability(chi);
        return new Friedman(n, k, Arrays.stream(sums).map(s -> s / n).toArray(), chi, p, f, fp);
    }

    /** Ranks from 1 (best); ties share their mean rank. */
    public static double[] ranks(double[] scores, boolean higherIsBetter) {
        return ranks(scores, higherIsBetter, -1);
    }

    private static double[] ranks(double[] scores, boolean higherIsBetter, int block) {
        for (int t = 0; t < scores.length; t++) {
            if (Double.isNaN(scores[t])) {
                throw new IllegalArgumentException(
                        "Treatment " + t + (block < 0 ? "" : " of block " + block) + " has no score (NaN).");
            }
        }
        double[] signed =
                Arrays.stream(scores).map(s -> higherIsBetter ? -s : s).toArray();
        return new NaturalRanking(NaNStrategy.FAILED, TiesStrategy.AVERAGE).rank(signed);
    }

    private static double tieTerm(double[] rank) {
        double[] sorted = rank.clone();
        Arrays.sort(sorted);
        double sum = 0;
        for (int i = 0; i < sorted.length; ) {
            int j = i;
            while (j < sorted.length && sorted[j] == sorted[i]) {
                j++;
            }
            double t = j - i;
            sum += t * t * t - t;
            i = j;
        }
        return sum;
    }

    /**
     * Nemenyi's critical difference: two treatments whose mean ranks differ by at least this are told apart at level
     * {@code alpha}.
     */
    public static double nemenyi(int treatments, int blocks, double alpha) {
        requireLevel(alpha);
        if (treatments < 2 || blocks < 1) {
            throw new IllegalArgumentException("A critical difference needs at least 2 treatments and 1 block but got "
                    + treatments + " and " + blocks + ".");
        }
        double q = new BrentSolver(1e-10).solve(1000, x -> studentizedRange(x, treatments) - (1 - alpha), 1e-6, 100);
        return q / Math.sqrt(2) * Math.sqrt(treatments * (treatments + 1.0) / (6.0 * blocks));
    }

    /** P(range of k standard normals <= q): {@code k * integral of phi(z) (Phi(z) - Phi(z - q))^(k-1)}. */
    static double studentizedRange(double q, int k) {
        // the integrand dies off on both sides, so that equal steps converge faster than any power
        double step = 0.01;
        double sum = 0;
        for (double z = -9; z <= 9 + q; z += step) {
            double inside = NORMAL.cumulativeProbability(z) - NORMAL.cumulativeProbability(z - q);
            sum += NORMAL.density(z) * Math.pow(inside, k - 1);
        }
        return k * sum * step;
    }

    /** All pairs by the difference of their mean ranks, with Holm's correction over the pairs. */
    public static List<Pair> allPairs(Friedman f) {
        List<int[]> pairs = new ArrayList<>();
        for (int i = 0; i < f.treatments; i++) {
            for (int j = i + 1; j < f.treatments; j++) {
                pairs.add(new int[] {i, j});
            }
        }
        return pairs(f, pairs);
    }

    /** Every other treatment against one, with Holm's correction over these comparisons. */
    public static List<Pair> against(Friedman f, int control) {
        List<int[]> pairs = new ArrayList<>();
        for (int i = 0; i < f.treatments; i++) {
            if (i != control) {
                pairs.add(new int[] {control, i});
            }
        }
        return pairs(f, pairs);
    }

    private static List<Pair> pairs(Friedman f, List<int[]> pairs) {
        double se = Math.sqrt(f.treatments * (f.treatments + 1.0) / (6.0 * f.blocks));
        double[] z = new double[pairs.size()];
        double[] p = new double[pairs.size()];
        for (int i = 0; i < z.length; i++) {
            z[i] = (f.meanRanks[pairs.get(i)[0]] - f.meanRanks[pairs.get(i)[1]]) / se;
            p[i] = 2 * NORMAL.cumulativeProbability(-Math.abs(z[i]));
        }
        double[] adjusted = holm(p);
        List<Pair> result = new ArrayList<>();
        for (int i = 0; i < z.length; i++) {
            result.add(new Pair(pairs.get(i)[0], pairs.get(i)[1], z[i], p[i], adjusted[i]));
        }
        return result;
    }

    /** P values after Holm's step-down correction, in the given order. */
    public static double[] holm(double... p) {
        int m = p.length;
        int[] order = IntStream.range(0, m)
                .boxed()
                .sorted((a, b) -> Double.compare(p[a], p[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        double[] adjusted = new double[m];
        double most = 0;
        for (int i = 0; i < m; i++) {
            most = Math.max(most, Math.min(1, (m - i) * p[order[i]]));
            adjusted[order[i]] = most;
        }
        return adjusted;
    }

    /**
     * Wilcoxon's signed-rank test of paired numbers, two-sided. Pairs without difference are left out. Exact for up to
     * fifty pairs without ties, else by the normal approximation with its corrections for ties and continuity; 1 if no pair
     * differs.
     */
    public static double wilcoxon(double[] a, double[] b) {
        requirePaired(a, b, 1);
        double[] d = IntStream.range(0, a.length)
                .mapToDouble(i -> a[i] - b[i])
                .filter(x -> x != 0)
                .toArray();
        int n = d.length;
        if (n == 0) {
            return 1;
        }
        double[] rank = ranks(Arrays.stream(d).map(Math::abs).toArray(), false);
        double positive = 0;
        for (int i = 0; i < n; i++) {
            positive += d[i] > 0 ? rank[i] : 0;
        }
        double ties = tieTerm(rank);
        double most = n * (n + 1) / 2.0;
        double smaller = Math.min(positive, most - positive);
        if (ties == 0 && n <= COUNTED) {
            return Math.min(1, 2 * signedRankBelow((int) Math.round(smaller), n));
        }
        double variance = n * (n + 1.0) * (2 * n + 1) / 24 - ties / 48;
        return Math.min(1, 2 * NORMAL.cumulativeProbability((smaller - most / 2 + 0.5) / Math.sqrt(variance)));
    }

    /** P(sum of the ranks with a positive sign <= w) when every sign is a coin: subsets of {1..n} by their sum. */
    private static double signedRankBelow(int w, int n) {
        double[] ways = new double[w + 1];
        ways[0] = 1;
        for (int r = 1; r <= n; r++) {
            for (int s = w; s >= r; s--) {
                ways[s] += ways[s - r];
            }
        }
        return Arrays.stream(ways).sum() * Math.pow(0.5, n);
    }

    /** Spearman's rank correlation; ties share their mean rank; NaN if one side does not vary. */
    public static double spearman(double[] a, double[] b) {
        requirePaired(a, b, 2);
        return new SpearmansCorrelation().correlation(a, b);
    }

    /** Kendall's tau-b; NaN if one side does not vary. */
    public static double kendall(double[] a, double[] b) {
        requirePaired(a, b, 2);
        return new KendallsCorrelation().correlation(a, b);
    }

    private static void requirePaired(double[] a, double[] b, int least) {
        if (a.length != b.length || a.length < least) {
            throw new IllegalArgumentException("Pairs need equally many numbers on both sides, at least " + least
                    + ", but there are " + a.length + " and " + b.length + ".");
        }
        for (int i = 0; i < a.length; i++) {
            if (Double.isNaN(a[i]) || Double.isNaN(b[i])) {
                throw new IllegalArgumentException("Pair " + i + " is undefined: " + a[i] + ", " + b[i] + ".");
            }
        }
    }

    private static void requireLevel(double alpha) {
        if (!(alpha > 0 && alpha < 1)) {
            throw new IllegalArgumentException("A level must be in (0, 1) but is " + alpha + ".");
        }
    }
}
