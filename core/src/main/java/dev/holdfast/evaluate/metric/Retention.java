package dev.holdfast.evaluate.metric;

import java.util.Arrays;

/**
 * The standard metrics of continual learning, as pure functions of the accuracy square a[k][j] = accuracy on task j's
 * test set after learning task k (rows and columns from 0; K x K).
 *
 * <p>Every metric is an array with one entry for each k: the metric after learning task k. Where a metric is not defined
 * (k = 0 for everything that needs a past) the entry is NaN, never 0.
 *
 * <p>Wang et al., <i>A Comprehensive Survey of Continual Learning</i>, arXiv 2302.00487, section 2.2; the definitions
 * that differ between papers have names of their own.
 *
 * @param averageAccuracy AA_k = mean over j <= k of a[k][j]
 * @param averageIncrementalAccuracy AIA_k = mean over i <= k of AA_i
 * @param forgetting FM_k = mean over j < k of max over all i < k of (a[i][j] - a[k][j]), rows before the task was learnt
 *     included, as the survey writes it
 * @param forgettingClassic the same with the maximum over j <= i < k only (Chaudhry et al., arXiv 1801.10112)
 * @param backwardTransfer BWT_k = mean over j < k of (a[k][j] - a[j][j])
 * @param zeroShotTransfer mean over 1 <= j <= k of (a[j-1][j] - b_j), b_j = accuracy at random initialisation (Lopez-Paz,
 *     Ranzato, arXiv 1706.08840); all NaN without b
 */
public record Retention(
        double[] averageAccuracy,
        double[] averageIncrementalAccuracy,
        double[] forgetting,
        double[] forgettingClassic,
        double[] backwardTransfer,
        double[] zeroShotTransfer) {

    /**
     * @param a the square [K][K]; NaN before task j was learnt (a[i][j] with i < j) means that it had no score yet, and
     *     does not count
     * @param atRandom accuracy b_j of the untrained model on each task [K], or null
     */
    public static Retention of(double[][] a, double[] atRandom) {
        int tasks = a.length;
        for (int k = 0; k < tasks; k++) {
            if (a[k].length != tasks) {
                throw new IllegalArgumentException("Row " + k + " of the accuracy square has " + a[k].length
                        + " entries; expected " + tasks + ".");
            }
        }
        double[] aa = new double[tasks];
        double[] aia = new double[tasks];
        double[] fm = nan(tasks);
        double[] fmClassic = nan(tasks);
        double[] bwt = nan(tasks);
        double[] zero = nan(tasks);
        for (int k = 0; k < tasks; k++) {
            aa[k] = Arrays.stream(a[k], 0, k + 1).average().orElseThrow();
            aia[k] = Arrays.stream(aa, 0, k + 1).average().orElseThrow();
            if (k == 0) {
                continue;
            }
            double all = 0;
            double classic = 0;
            double back = 0;
            for (int j = 0; j < k; j++) {
                all += best(a, j, 0, k) - a[k][j];
                classic += best(a, j, j, k) - a[k][j];
                back += a[k][j] - a[j][j];
            }
            fm[k] = all / k;
            fmClassic[k] = classic / k;
            bwt[k] = back / k;
            if (atRandom != null) {
                double forward = 0;
                for (int j = 1; j <= k; j++) {
                    forward += a[j - 1][j] - atRandom[j];
                }
                zero[k] = forward / k;
            }
        }
        return new Retention(aa, aia, fm, fmClassic, bwt, zero);
    }

    /**
     * FWT_k = mean over 1 <= j <= k of (a[j][j] - alone_j), alone_j = accuracy of the same model trained on task j alone
     * from scratch.
     */
    public static double[] forwardTransfer(double[][] a, double[] alone) {
        double[] f = nan(a.length);
        double sum = 0;
        for (int k = 1; k < a.length; k++) {
            sum += a[k][k] - alone[k];
            f[k] = sum / k;
        }
        return f;
    }

    /** IM_k = joint_k - a[k][k], joint_k = accuracy on task k of a model trained jointly on tasks 0..k. */
    public static double[] intransigence(double[][] a, double[] joint) {
        double[] m = new double[a.length];
        for (int k = 0; k < m.length; k++) {
            m[k] = joint[k] - a[k][k];
        }
        return m;
    }

    private static double best(double[][] a, int task, int from, int to) {
        double best = Double.NEGATIVE_INFINITY;
        for (int i = from; i < to; i++) {
            // before a task was learnt it may have had no score at all
            if (i >= task || !Double.isNaN(a[i][task])) {
                best = Math.max(best, a[i][task]);
            }
        }
        return best;
    }

    private static double[] nan(int n) {
        double[] a = new double[n];
        Arrays.fill(a, Double.NaN);
        return a;
    }
}
