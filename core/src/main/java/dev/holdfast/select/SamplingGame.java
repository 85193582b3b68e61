package dev.holdfast.select;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The robust sampling game: a distribution p over rows against an adversary who makes the teacher wrong about at most m of
 * them. A right answer about row i is worth its gain g_i, a wrong one {@code (1 - kappa) g_i}:
 *
 * <pre>
 * maximise over p   min over |S| &lt;= m   sum_i p_i g_i (1 - kappa 1[i in S])
 * </pre>
 *
 * <p>Solved in closed form, O(n log n). Over the K largest gains the best p has equal stakes p_i g_i, so p_i = (1/g_i) /
 * sum 1/g_j, worth {@code v(K) = (K - kappa min(K, m)) / sum_{j &lt;= K} 1/g_j}; the best K (the smallest of equals) wins.
 * Inside the prefix a higher gain gets less probability: a hedge against rows that are both informative and doubtful. The
 * value is guaranteed whatever m rows the teacher gets wrong.
 *
 * <p>After the idea of <i>Robust Active Distillation</i>, arXiv 2210.01213; the game with kappa and its solution are
 * derived here and checked against linear programs.
 *
 * @param p probability of each row
 * @param prefix K, rows with a probability above 0
 * @param value utility that is guaranteed in expectation
 * @param hedged false where no distribution has a positive guarantee (too many mistakes, or no gain at all), so that p is
 *     uniform
 */
public record SamplingGame(double[] p, int prefix, double value, boolean hedged) {
    private static final double NO_GAIN = 1e-12;
    private static final double TIE = 1e-12;

    /**
     * Solves the game.
     *
     * @param gains finite, >= 0; below 1e-12 counts as 0
     * @param mistakes m, 0 to the number of rows
     * @param kappa damage of a wrong answer, > 0: 1 = useless, 2 = as harmful as a right one is useful
     */
    public static SamplingGame solve(double[] gains, int mistakes, double kappa) {
        requireGame(gains, mistakes, kappa);
        int n = gains.length;
        int[] order = IntStream.range(0, n)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -gains[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        double inverse = 0;
        double best = 0;
        double bestInverse = 0;
        int prefix = 0;
        for (int k = 1; k <= n && gains[order[k - 1]] > NO_GAIN; k++) {
            inverse += 1 / gains[order[k - 1]];
            double v = (k - kappa * Math.min(k, mistakes)) / inverse;
            if (v > best + TIE * (1 + best)) {
                best = v;
                bestInverse = inverse;
                prefix = k;
            }
        }
        double[] p = new double[n];
        if (prefix == 0) {
            Arrays.fill(p, 1. / n);
            return new SamplingGame(p, n, worst(p, gains, mistakes, kappa), false);
        }
        for (int k = 0; k < prefix; k++) {
            p[order[k]] = 1 / gains[order[k]] / bestInverse;
        }
        return new SamplingGame(p, prefix, best, true);
    }

    /** What a distribution is worth at least: its utility when the teacher is wrong about the m largest stakes. */
    public static double worst(double[] p, double[] gains, int mistakes, double kappa) {
        requireGame(gains, mistakes, kappa);
        if (p.length != gains.length) {
            throw new IllegalArgumentException(p.length + " probabilities were given for " + gains.length + " rows.");
        }
        double[] stake = new double[p.length];
        for (int i = 0; i < stake.length; i++) {
            stake[i] = p[i] * gains[i];
        }
        Arrays.sort(stake);
        double v = 0;
        for (int i = 0; i < stake.length; i++) {
            v += stake[i] * (i >= stake.length - mistakes ? 1 - kappa : 1);
        }
        return v;
    }

    private static void requireGame(double[] gains, int mistakes, double kappa) {
        if (gains.length == 0) {
            throw new IllegalArgumentException("There is no row to ask about.");
        }
        for (int i = 0; i < gains.length; i++) {
            if (!(gains[i] >= 0) || Double.isInfinite(gains[i])) {
                throw new IllegalArgumentException(
                        "The gain of row " + i + " is " + gains[i] + "; expected a finite number >= 0.");
            }
        }
        if (mistakes < 0 || mistakes > gains.length) {
            throw new IllegalArgumentException("The number of wrong answers must be in 0 to " + gains.length
                    + " but is " + mistakes + ".\nMaybe a share was given instead of a number.");
        }
        if (!(kappa > 0) || Double.isInfinite(kappa)) {
            throw new IllegalArgumentException("kappa must be finite and > 0 but is " + kappa + ".");
        }
    }
}
