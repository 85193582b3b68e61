package dev.holdfast.nn.head;

import java.util.Arrays;

/**
 * The bias layer of BiC: logits of new classes become alpha z + beta, those of old classes stay. Alpha and beta minimise
 * the softmax cross entropy on rows that were held out, every class weighing the same. Wu et al., <i>Large Scale
 * Incremental Learning</i>, arXiv 1905.13260, equations 4 and 5.
 *
 * <p>The problem is convex in two numbers, so it is solved by Newton's method instead of by gradient steps. Few rows that
 * are all told apart would drive alpha to infinity; a ridge / 2 ((alpha - 1)^2 + beta^2) keeps it where the rows say
 * nothing. Pure; safe from any thread.
 */
public record BiasCorrection(double alpha, double beta) {
    /** No correction. */
    public static final BiasCorrection NONE = new BiasCorrection(1, 0);

    private static final int MOST_STEPS = 100;

    /**
     * The best correction for logits [n][C] of held-out rows with these columns; {@link #NONE} without rows of both
     * kinds.
     *
     * @param fresh whether a column is of a new class
     * @param ridge >= 0
     */
    public static BiasCorrection fit(double[][] logits, int[] column, boolean[] fresh, double ridge) {
        if (!(ridge >= 0) || Double.isInfinite(ridge)) {
            throw new IllegalArgumentException(
                    "The ridge of a bias correction must be finite and >= 0 but is " + ridge + ".");
        }
        double[] weight = weights(column, fresh.length);
        boolean some = Arrays.stream(column).anyMatch(c -> fresh[c]);
        boolean others = Arrays.stream(column).anyMatch(c -> !fresh[c]);
        if (!some || !others) {
            return NONE;
        }
        double[] at = {1, 0};
        Value now = value(at, logits, column, weight, fresh, ridge);
        for (int i = 0; i < MOST_STEPS && Math.hypot(now.g0, now.g1) > 1e-12; i++) {
            double det = now.h00 * now.h11 - now.h01 * now.h01;
            double d0;
            double d1;
            if (det > 1e-14 * now.h00 * now.h11) {
                d0 = (now.h11 * now.g0 - now.h01 * now.g1) / det;
                d1 = (now.h00 * now.g1 - now.h01 * now.g0) / det;
            } else {
                d0 = now.g0;
                d1 = now.g1;
            }
            double slope = now.g0 * d0 + now.g1 * d1;
            Value next = null;
            double step = 1;
            for (; step > 1e-10; step /= 2) {
                double[] there = {at[0] - step * d0, at[1] - step * d1};
                Value v = value(there, logits, column, weight, fresh, ridge);
                if (v.loss <= now.loss - 1e-4 * step * slope) {
                    next = v;
                    at = there;
                    break;
                }
            }
            if (next == null) {
                break;
            }
            now = next;
        }
        return new BiasCorrection(at[0], at[1]);
    }

    /** Every class has the same weight in all, all weights sum to 1. */
    private static double[] weights(int[] column, int columns) {
        int[] count = new int[columns];
        for (int c : column) {
            count[c]++;
        }
        long classes = Arrays.stream(count).filter(n -> n > 0).count();
        return Arrays.stream(column)
                .mapToDouble(c -> 1.0 / (classes * count[c]))
                .toArray();
    }

    private record Value(double loss, double g0, double g1, double h00, double h01, double h11) {}

    /** Cross entropy with ridge, its gradient and its second derivatives in (alpha, beta). */
    private static Value value(
            double[] at, double[][] logits, int[] column, double[] weight, boolean[] fresh, double ridge) {
        double loss = ridge / 2 * ((at[0] - 1) * (at[0] - 1) + at[1] * at[1]);
        double g0 = ridge * (at[0] - 1);
        double g1 = ridge * at[1];
        double h00 = ridge;
        double h01 = 0;
        double h11 = ridge;
        double[] q = new double[fresh.length];
        for (int i = 0; i < logits.length; i++) {
            double max = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < q.length; c++) {
                q[c] = fresh[c] ? at[0] * logits[i][c] + at[1] : logits[i][c];
                max = Math.max(max, q[c]);
            }
            double sum = 0;
            for (double v : q) {
                sum += Math.exp(v - max);
            }
            double m = 0;
            double mz = 0;
            double mzz = 0;
            for (int c = 0; c < q.length; c++) {
                if (fresh[c]) {
                    double p = Math.exp(q[c] - max) / sum;
                    m += p;
                    mz += p * logits[i][c];
                    mzz += p * logits[i][c] * logits[i][c];
                }
            }
            int y = column[i];
            loss += weight[i] * (max + Math.log(sum) - q[y]);
            g0 += weight[i] * (mz - (fresh[y] ? logits[i][y] : 0));
            g1 += weight[i] * (m - (fresh[y] ? 1 : 0));
            h00 += weight[i] * (mzz - mz * mz);
            h01 += weight[i] * (mz - mz * m);
            h11 += weight[i] * (m - m * m);
        }
        return new Value(loss, g0, g1, h00, h01, h11);
    }
}
