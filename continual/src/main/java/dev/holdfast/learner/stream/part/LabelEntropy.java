package dev.holdfast.learner.stream.part;

/**
 * Uncertainty of label sets as if labels were independent: the multivariate-Bernoulli entropy
 * H = -sum_l [p_l log2 p_l + (1 - p_l) log2(1 - p_l)], p_l = count_l / n, and what a split takes off it. Pure functions.
 *
 * <p>Read, Bifet, Holmes, Pfahringer: <i>Scalable and efficient multi-label classification for evolving data streams</i>,
 * Machine Learning 2012, section 4.
 */
public final class LabelEntropy {
    private static final double PER_BIT = 1 / Math.log(2);

    private static final int CELLS = 1 << 14;

    /** The share of one label by its probability, at k / CELLS. */
    private static final double[] TERM = new double[CELLS + 2];

    static {
        for (int k = 0; k < TERM.length; k++) {
            TERM[k] = term(k, CELLS);
        }
    }

    private LabelEntropy() {}

    /** H in bits of the first {@code labels} counts among rows of weight n; 0 if n is 0. */
    public static double of(double[] counts, int labels, double n) {
        double h = 0;
        for (int l = 0; l < labels; l++) {
            h += term(counts[l], n);
        }
        return h;
    }

    /** The share of one label, between neighbours of a table by straight lines: exact to 4e-5 bits, and fast. */
    public static double quickTerm(double count, double n) {
        double at = count / n * CELLS;
        if (!(at > 0 && at < CELLS)) {
            return 0;
        }
        int k = (int) at;
        return TERM[k] + (at - k) * (TERM[k + 1] - TERM[k]);
    }

    /** The share of one label. */
    public static double term(double count, double n) {
        if (!(count > 0 && count < n)) {
            return 0;
        }
        double p = count / n;
        double q = 1 - p;
        return -(p * Math.log(p) + q * Math.log(q)) * PER_BIT;
    }

    /** H(before) - sum over branches of (n_b / n) H(b), for two branches. */
    public static double merit(double before, double left, double nLeft, double right, double nRight) {
        double n = nLeft + nRight;
        return before - nLeft / n * left - nRight / n * right;
    }

    /** Range R of the merit in the Hoeffding bound: log2 of the number of distinct label sets, 1 if there are at most 2. */
    public static double range(int labelsets) {
        return labelsets <= 2 ? 1 : Math.log(labelsets) * PER_BIT;
    }
}
