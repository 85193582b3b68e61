package dev.holdfast.learner.stream.tree;

import dev.holdfast.learner.stream.part.LabelEntropy;
import dev.holdfast.math.stream.HoeffdingBound;

/**
 * The best split of a leaf, if it is good enough: by the drop of the multivariate-Bernoulli entropy, with a Gaussian for
 * each label in each numeric column, against the best split of any other column and against not splitting at all.
 *
 * <p>Domingos, Hulten: <i>Mining High-Speed Data Streams</i>, KDD 2000; the criterion for label sets is that of Read et
 * al., Machine Learning 2012.
 */
final class SplitSearch {
    private static final double LEAST_SHARE = 0.01;

    /** Normal distribution function at -8 + k/512, in between by straight lines: exact to 5e-7. */
    private static final double[] NORMAL = new double[8193];

    static {
        // integrated by Simpson's rule, so that equal inputs have equal bits on every machine
        double step = 1.0 / 512;
        double sum = 0;
        NORMAL[0] = 0;
        for (int k = 1; k < NORMAL.length; k++) {
            double a = -8 + (k - 1) * step;
            sum += step / 6 * (density(a) + 4 * density(a + step / 2) + density(a + step));
            NORMAL[k] = Math.min(1, sum);
        }
    }

    private SplitSearch() {}

    private static double density(double x) {
        return StrictMath.exp(-0.5 * x * x) / StrictMath.sqrt(2 * Math.PI);
    }

    static double normal(double x) {
        double at = (x + 8) * 512;
        if (!(at > 0)) {
            return 0;
        }
        if (at >= NORMAL.length - 1) {
            return 1;
        }
        int k = (int) at;
        return NORMAL[k] + (at - k) * (NORMAL[k + 1] - NORMAL[k]);
    }

    /** The split to make now, or null. */
    static Split of(Leaf leaf) {
        TreeConfig c = leaf.labelling.config;
        double n = leaf.weight();
        Search s = new Search(leaf);
        Split best = null;
        // not splitting has merit 0
        double second = 0;
        for (int j = 0; j < leaf.width(); j++) {
            Split candidate = leaf.vocabulary(j) > 0 ? s.nominal(j) : s.numeric(j, c.thresholds());
            if (candidate == null) {
                continue;
            }
            if (best == null || candidate.merit() > best.merit()) {
                second = best == null ? second : Math.max(second, best.merit());
                best = candidate;
            } else {
                second = Math.max(second, candidate.merit());
            }
        }
        if (best == null || !(best.merit() > 0)) {
            return null;
        }
        double bound = HoeffdingBound.of(LabelEntropy.range(leaf.sets.distinct()), c.delta(), n);
        return best.merit() - second > bound || bound < c.tie() ? best : null;
    }

    /** Numbers that the columns of one leaf share. */
    private static final class Search {
        private final Leaf leaf;
        private final double before;
        private final int[] seen;
        private final double[] mean;
        private final double[] deviation;

        Search(Leaf leaf) {
            this.leaf = leaf;
            int[] s = new int[leaf.size + 1];
            int n = 0;
            for (int l = 0; l <= leaf.size; l++) {
                if (leaf.counts[l] > 0) {
                    s[n++] = l;
                }
            }
            this.seen = java.util.Arrays.copyOf(s, n);
            // by the same table as what is taken off it
            double h = 0;
            for (int l : seen) {
                h += LabelEntropy.quickTerm(leaf.counts[l], leaf.weight());
            }
            this.before = h;
            this.mean = new double[leaf.size + 2];
            this.deviation = new double[leaf.size + 2];
        }

        Split numeric(int column, int thresholds) {
            double low = leaf.least(column);
            double high = leaf.most(column);
            if (!(high > low)) {
                return null;
            }
            fit(leaf.total, column);
            for (int l : seen) {
                fit(l, column);
            }
            double at = low;
            double most = Double.NEGATIVE_INFINITY;
            for (int k = 1; k <= thresholds; k++) {
                double t = low + (high - low) * k / (thresholds + 1);
                double merit = merit(t);
                if (merit > most) {
                    most = merit;
                    at = t;
                }
            }
            return most == Double.NEGATIVE_INFINITY ? null : new Split(leaf.column(column), at, -1, most);
        }

        private void fit(int label, int column) {
            double n = leaf.counts[label];
            double m = leaf.sums[label][column] / n;
            double v = leaf.squares[label][column] / n - m * m;
            mean[label] = leaf.centre[column] + m;
            deviation[label] = v > 0 ? Math.sqrt(v) : 0;
        }

        private double below(int label, double t) {
            double d = deviation[label];
            double share = d == 0 ? (mean[label] <= t ? 1 : 0) : normal((t - mean[label]) / d);
            return leaf.counts[label] * share;
        }

        private double merit(double t) {
            double n = leaf.weight();
            double nLeft = below(leaf.total, t);
            double nRight = n - nLeft;
            if (nLeft < LEAST_SHARE * n || nRight < LEAST_SHARE * n) {
                return Double.NEGATIVE_INFINITY;
            }
            double left = 0;
            double right = 0;
            for (int l : seen) {
                if (deviation[l] == 0) {
                    // as a label that is never seen where a word occurs: all of it lies on one side
                    if (mean[l] <= t) {
                        left += LabelEntropy.quickTerm(leaf.counts[l], nLeft);
                    } else {
                        right += LabelEntropy.quickTerm(leaf.counts[l], nRight);
                    }
                    continue;
                }
                double c = below(l, t);
                left += LabelEntropy.quickTerm(c, nLeft);
                right += LabelEntropy.quickTerm(leaf.counts[l] - c, nRight);
            }
            return LabelEntropy.merit(before, left, nLeft, right, nRight);
        }

        Split nominal(int column) {
            double[] table = leaf.nominal[column];
            int stride = leaf.size + 2;
            double n = leaf.weight();
            Split best = null;
            for (int v = 0; table != null && v < table.length / stride; v++) {
                double nLeft = table[v * stride + leaf.total];
                double nRight = n - nLeft;
                if (nLeft < LEAST_SHARE * n || nRight < LEAST_SHARE * n) {
                    continue;
                }
                double left = 0;
                double right = 0;
                for (int l : seen) {
                    double c = table[v * stride + l];
                    left += LabelEntropy.quickTerm(c, nLeft);
                    right += LabelEntropy.quickTerm(leaf.counts[l] - c, nRight);
                }
                double merit = LabelEntropy.merit(before, left, nLeft, right, nRight);
                if (best == null || merit > best.merit()) {
                    best = new Split(leaf.column(column), 0, v, merit);
                }
            }
            return best;
        }
    }
}
