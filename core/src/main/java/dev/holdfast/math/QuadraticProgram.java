package dev.holdfast.math;

import java.util.Arrays;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.ArrayRealVector;
import org.hipparchus.linear.QRDecomposition;
import org.hipparchus.linear.RealMatrix;
import org.hipparchus.linear.RealVector;

/** Small convex quadratic programs, exact to rounding. Pure functions; safe from any thread. */
public final class QuadraticProgram {
    private QuadraticProgram() {}

    /**
     * The minimum of {@code x'Px/2 + q'x} over {@code x >= lower}, by the active-set method of Lawson and Hanson
     * (<i>Solving Least Squares Problems</i>, 1974, chapter 23) in the unknown {@code x - lower}.
     *
     * @param p symmetric, positive definite [n][n] (semi-definite is solved as far as its factors allow)
     * @param q [n]
     */
    public static double[] lowerBounded(double[][] p, double[] q, double lower) {
        int n = q.length;
        requireFit(p, q, lower);
        double[] linear = new double[n];
        double scale = 0;
        for (int i = 0; i < n; i++) {
            linear[i] = q[i];
            for (int j = 0; j < n; j++) {
                linear[i] += p[i][j] * lower;
            }
            scale = Math.max(scale, Math.abs(linear[i]));
        }
        double small = 1e-13 * (1 + scale);
        double[] z = new double[n];
        boolean[] free = new boolean[n];
        // each outer round lowers the objective, so no free set occurs twice; the bound guards against rounding
        for (int round = 0; round < 10 * (n + 1); round++) {
            int enter = steepest(p, linear, z, free, small);
            if (enter < 0) {
                break;
            }
            free[enter] = true;
            while (!moveToMinimumOfFree(p, linear, z, free, small)) {
                // a variable ran into its bound and left the free set
            }
        }
        double[] x = new double[n];
        for (int i = 0; i < n; i++) {
            x[i] = z[i] + lower;
        }
        return x;
    }

    private static int steepest(double[][] p, double[] linear, double[] z, boolean[] free, double small) {
        int best = -1;
        double least = -small;
        for (int i = 0; i < z.length; i++) {
            if (free[i]) {
                continue;
            }
            double slope = linear[i];
            for (int j = 0; j < z.length; j++) {
                slope += p[i][j] * z[j];
            }
            if (slope < least) {
                least = slope;
                best = i;
            }
        }
        return best;
    }

    private static boolean moveToMinimumOfFree(
            double[][] p, double[] linear, double[] z, boolean[] free, double small) {
        int[] at = java.util.stream.IntStream.range(0, z.length)
                .filter(i -> free[i])
                .toArray();
        if (at.length == 0) {
            return true;
        }
        double[] goal = solve(p, linear, at);
        double step = 1;
        for (int k = 0; k < at.length; k++) {
            if (goal[k] <= 0) {
                step = Math.min(step, z[at[k]] / (z[at[k]] - goal[k] + Double.MIN_NORMAL));
            }
        }
        for (int k = 0; k < at.length; k++) {
            z[at[k]] += step * (goal[k] - z[at[k]]);
        }
        if (step == 1) {
            return true;
        }
        for (int k = 0; k < at.length; k++) {
            if (goal[k] <= 0 && z[at[k]] <= small) {
                z[at[k]] = 0;
                free[at[k]] = false;
            }
        }
        return false;
    }

    private static double[] solve(double[][] p, double[] linear, int[] at) {
        RealMatrix m = new Array2DRowRealMatrix(at.length, at.length);
        RealVector b = new ArrayRealVector(at.length);
        for (int i = 0; i < at.length; i++) {
            b.setEntry(i, -linear[at[i]]);
            for (int j = 0; j < at.length; j++) {
                m.setEntry(i, j, p[at[i]][at[j]]);
            }
        }
        try {
            return new QRDecomposition(m).getSolver().solve(b).toArray();
        } catch (org.hipparchus.exception.MathRuntimeException e) {
            throw new IllegalArgumentException(
                    "The quadratic program is singular: " + at.length + " of its directions depend on each other."
                            + "\nMaybe a small number on the diagonal is missing.",
                    e);
        }
    }

    private static void requireFit(double[][] p, double[] q, double lower) {
        if (p.length != q.length || Arrays.stream(p).anyMatch(r -> r.length != q.length)) {
            throw new IllegalArgumentException(
                    "A quadratic program of " + q.length + " unknowns needs a square matrix of that size.");
        }
        boolean finite = Double.isFinite(lower) && Arrays.stream(q).allMatch(Double::isFinite);
        for (double[] row : p) {
            finite &= Arrays.stream(row).allMatch(Double::isFinite);
        }
        if (!finite) {
            throw new IllegalArgumentException("A quadratic program needs finite numbers.");
        }
    }
}
