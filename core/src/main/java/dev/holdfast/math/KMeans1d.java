package dev.holdfast.math;

import java.util.Arrays;

/**
 * k-means on a line, without chance: Lloyd's rounds from the quantiles (j + 0.5) / k, equal distances to the lower
 * cluster, an empty cluster keeps its centre.
 *
 * <p>On sorted numbers clusters are intervals, so a round costs k binary searches and not n distances. Pure functions;
 * safe from any thread.
 */
public final class KMeans1d {
    private static final int ROUNDS = 100;

    private KMeans1d() {}

    /**
     * Clusters of sorted numbers: cluster j holds the positions [from[j], from[j + 1]).
     *
     * @param from k + 1 positions
     * @param centres k centres, ascending
     */
    public record Clusters(int[] from, double[] centres) {
        /** Cluster of every sorted position. */
        public int[] assign() {
            int[] a = new int[from[from.length - 1]];
            for (int j = 0; j + 1 < from.length; j++) {
                Arrays.fill(a, from[j], from[j + 1], j);
            }
            return a;
        }
    }

    /**
     * Clusters numbers that are sorted already.
     *
     * @throws IllegalArgumentException without numbers or clusters, or for numbers out of order
     */
    public static Clusters ofSorted(double[] sorted, int clusters) {
        return ofSorted(sorted, sorted.length, clusters);
    }

    /** Clusters the first {@code n} entries, which are sorted already. */
    public static Clusters ofSorted(double[] sorted, int n, int clusters) {
        if (n < 1 || n > sorted.length || clusters < 1) {
            throw new IllegalArgumentException(
                    "k-means needs numbers and clusters but got " + n + " and " + clusters + ".");
        }
        double[] sum = new double[n + 1];
        for (int i = 0; i < n; i++) {
            if (!(i == 0 || sorted[i] >= sorted[i - 1]) || Double.isNaN(sorted[i])) {
                throw new IllegalArgumentException("Numbers must be sorted, but number " + i + " is " + sorted[i]
                        + (i == 0 ? "." : " after " + sorted[i - 1] + "."));
            }
            sum[i + 1] = sum[i] + sorted[i];
        }
        double[] centre = new double[clusters];
        for (int j = 0; j < clusters; j++) {
            double at = (j + 0.5) / clusters * (n - 1);
            int below = (int) at;
            centre[j] = sorted[below] + (at - below) * (sorted[Math.min(n - 1, below + 1)] - sorted[below]);
        }
        int[] from = assign(sorted, n, centre);
        for (int round = 0; round < ROUNDS; round++) {
            for (int j = 0; j < clusters; j++) {
                int count = from[j + 1] - from[j];
                if (count > 0) {
                    centre[j] = (sum[from[j + 1]] - sum[from[j]]) / count;
                }
            }
            int[] next = assign(sorted, n, centre);
            if (Arrays.equals(next, from)) {
                break;
            }
            from = next;
        }
        return new Clusters(from, centre);
    }

    /** Where clusters begin; of equal centres the lowest takes all. */
    private static int[] assign(double[] sorted, int n, double[] centre) {
        int k = centre.length;
        int[] from = new int[k + 1];
        from[k] = n;
        int last = 0;
        for (int j = 1; j < k; j++) {
            int begin = n;
            if (centre[j] > centre[last]) {
                int low = from[last];
                int high = n;
                while (low < high) {
                    int mid = (low + high) >>> 1;
                    if (Math.abs(sorted[mid] - centre[last]) <= Math.abs(sorted[mid] - centre[j])) {
                        low = mid + 1;
                    } else {
                        high = mid;
                    }
                }
                begin = low;
                // clusters with the same centre as 'last' stand between the two and are empty
                Arrays.fill(from, last + 1, j + 1, begin);
                last = j;
            }
        }
        Arrays.fill(from, last + 1, k + 1, n);
        return from;
    }
}
