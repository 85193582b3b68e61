package dev.holdfast.evaluate.metric;

/**
 * Forgetting from part to part, averaged over parts (Smith et al., arXiv 2203.17269, and CODA-Prompt, arXiv 2211.13218):
 * 1/(T-1) sum over t >= 1 of 1/t sum over i < t of (a[t-1][i] - a[t][i]). A pure function.
 *
 * <p>On accuracies among all classes seen so far it is the global one; among the classes of each task alone, the local
 * one. Their difference is confusion between tasks.
 */
public final class TaskForgetting {
    private TaskForgetting() {}

    /**
     * @param a accuracy a[t][i] on task i after part t, at least for i <= t
     * @return NaN for a single part
     */
    public static double of(double[][] a) {
        double sum = 0;
        for (int t = 1; t < a.length; t++) {
            if (a[t - 1].length < t || a[t].length < t) {
                throw new IllegalArgumentException("Row " + t + " of the accuracy square has " + a[t].length
                        + " entries, the row before " + a[t - 1].length + "; expected at least " + t + ".");
            }
            double drop = 0;
            for (int i = 0; i < t; i++) {
                drop += a[t - 1][i] - a[t][i];
            }
            sum += drop / t;
        }
        return a.length < 2 ? Double.NaN : sum / (a.length - 1);
    }
}
