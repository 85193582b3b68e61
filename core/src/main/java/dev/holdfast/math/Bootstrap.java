package dev.holdfast.math;

import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import java.util.function.ToDoubleFunction;

/**
 * Percentile intervals by resampling.
 *
 * <p>Efron, Tibshirani: <i>An Introduction to the Bootstrap</i>, 1993, section 13.3. Pure functions; safe from any thread.
 */
public final class Bootstrap {
    private Bootstrap() {}

    /** A figure and the interval that holds it at some level. */
    public record Interval(double low, double estimate, double high) {
        /** True if the whole interval lies above {@code x}. */
        public boolean above(double x) {
            return low > x;
        }

        /** True if the whole interval lies below {@code x}. */
        public boolean below(double x) {
            return high < x;
        }
    }

    /**
     * Interval of the mean of x.
     *
     * @param level share of resamples inside, such as 0.95
     * @param resamples number of resamples, at least 1
     * @param below draws from {0, ..., n-1}, such as {@code rng::below}
     */
    public static Interval mean(double[] x, double level, int resamples, IntUnaryOperator below) {
        return of(x, Bootstrap::mean, level, draws(x.length, resamples, below));
    }

    /** Interval of the mean of a - b over pairs; the pairs are resampled, not the sides. */
    public static Interval paired(double[] a, double[] b, double level, int resamples, IntUnaryOperator below) {
        if (a.length != b.length) {
            throw new IllegalArgumentException("Pairs need equally many numbers on both sides but there are " + a.length
                    + " and " + b.length + ".");
        }
        double[] d = new double[a.length];
        for (int i = 0; i < d.length; i++) {
            d[i] = a[i] - b[i];
        }
        return mean(d, level, resamples, below);
    }

    /** Interval of any statistic from given resamples: {@code draws[r]} are the positions of resample r. */
    public static Interval of(double[] x, ToDoubleFunction<double[]> statistic, double level, int[][] draws) {
        if (x.length == 0) {
            throw new IllegalArgumentException("A bootstrap needs at least one number.");
        }
        for (int i = 0; i < x.length; i++) {
            if (Double.isNaN(x[i])) {
                throw new IllegalArgumentException("Number " + i + " of a bootstrap is undefined (NaN).");
            }
        }
        if (!(level > 0 && level < 1)) {
            throw new IllegalArgumentException("The level of an interval must be in (0, 1) but is " + level + ".");
        }
        double[] values = Arrays.stream(draws)
                .mapToDouble(d -> statistic.applyAsDouble(
                        Arrays.stream(d).mapToDouble(i -> x[i]).toArray()))
                .sorted()
                .toArray();
        return new Interval(
                quantile(values, (1 - level) / 2), statistic.applyAsDouble(x), quantile(values, (1 + level) / 2));
    }

    private static int[][] draws(int n, int resamples, IntUnaryOperator below) {
        if (n == 0 || resamples < 1) {
            throw new IllegalArgumentException(
                    "A bootstrap needs numbers and resamples but got " + n + " and " + resamples + ".");
        }
        int[][] draws = new int[resamples][n];
        for (int[] d : draws) {
            Arrays.setAll(d, i -> below.applyAsInt(n));
        }
        return draws;
    }

    private static double mean(double[] x) {
        double sum = 0;
        for (double v : x) {
            sum += v;
        }
        return sum / x.length;
    }

    /** Linear between order statistics. */
    private static double quantile(double[] sorted, double q) {
        double at = q * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(sorted.length - 1, below + 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}
