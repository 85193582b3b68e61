package dev.holdfast.metricspace;

import java.util.Arrays;

/** Distances from a matrix. */
public final class MatrixMetric implements LabelMetric {
    private static final double TOLERANCE = 1e-9;
    private final double[][] d;

    /**
     * @param distances [N][N]
     * @throws IllegalArgumentException where it is not square, symmetric, finite, >= 0, and 0 on the diagonal
     */
    public MatrixMetric(double[][] distances) {
        int n = distances.length;
        if (n == 0) {
            throw new IllegalArgumentException("A label space needs at least 1 label but has none.");
        }
        d = new double[n][];
        for (int i = 0; i < n; i++) {
            if (distances[i].length != n) {
                throw new IllegalArgumentException(
                        "Row " + i + " of the distances has " + distances[i].length + " entries; expected " + n + ".");
            }
            d[i] = distances[i].clone();
        }
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                if (!(d[i][j] >= 0) || Double.isInfinite(d[i][j])) {
                    throw new IllegalArgumentException("The distance from label " + i + " to " + j + " is " + d[i][j]
                            + "; expected finite and >= 0.");
                }
                if (Math.abs(d[i][j] - d[j][i]) > TOLERANCE * (1 + d[i][j])) {
                    throw new IllegalArgumentException("The distance from label " + i + " to " + j + " is " + d[i][j]
                            + " but back it is " + d[j][i] + "; expected the same.");
                }
            }
            if (d[i][i] != 0) {
                throw new IllegalArgumentException(
                        "The distance from label " + i + " to itself is " + d[i][i] + "; expected 0.");
            }
        }
    }

    /** All labels at distance 1 from each other: the metric of right and wrong. */
    public static MatrixMetric zeroOne(int labels) {
        double[][] d = new double[labels][labels];
        for (int i = 0; i < labels; i++) {
            Arrays.fill(d[i], 1);
            d[i][i] = 0;
        }
        return new MatrixMetric(d);
    }

    @Override
    public int size() {
        return d.length;
    }

    @Override
    public double[] row(int label) {
        return d[checked(label)].clone();
    }
}
