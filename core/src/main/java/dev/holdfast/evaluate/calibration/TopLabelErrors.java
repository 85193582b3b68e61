package dev.holdfast.evaluate.calibration;

import dev.holdfast.evaluate.calibration.Events.Bin;
import java.util.Arrays;
import org.hipparchus.special.Erf;

/**
 * How far the top probability (confidence) of rows is from the share of rows that are right; 0 is best. Pure functions;
 * safe from any thread.
 */
public final class TopLabelErrors {
    private static final int GRID = 1 << 14;
    private static final double GRID_LOW = -0.6;
    private static final double GRID_HIGH = 1.6;
    private static final double MMCE_WIDTH = 2.5;

    private TopLabelErrors() {}

    /**
     * Expected calibration error over bins of equal width (low, high]: gaps weighted by shares; norm 2: the root of the
     * weighted squares.
     *
     * <p>Guo et al.: <i>On Calibration of Modern Neural Networks</i>, arXiv 1706.04599, eq. 3.
     */
    public static double equalWidth(LabelledProbabilities x, int bins, int norm) {
        Events e = x.top();
        return Events.gap(e.bins(e.upToEdge(requireBins(bins)), bins), e.size(), norm);
    }

    /**
     * Expected calibration error over bins of equal mass. Edges are read off the sorted confidences at the positions i*n /
     * bins, between two linearly, and bins are (low, high], so that the smallest confidence is in none.
     */
    public static double equalMass(LabelledProbabilities x, int bins) {
        requireBins(bins);
        Events e = x.top();
        int[] order = x.byConfidence();
        int n = order.length;
        double[] edge = new double[bins + 1];
        for (int b = 0; b <= bins; b++) {
            double at = Math.min(n - 1, (double) b * n / bins);
            int below = (int) at;
            double low = x.confidence(order[below]);
            edge[b] = low + (at - below) * (x.confidence(order[Math.min(n - 1, below + 1)]) - low);
        }
        int[] in = new int[n];
        for (int i = 0; i < n; i++) {
            // the first edge that is not below the confidence closes its bin
            int b = 0;
            while (b < bins && edge[b] < e.p()[i]) {
                b++;
            }
            in[i] = b - 1;
        }
        return Events.gap(e.bins(in, bins), n, 1);
    }

    /** Plain mean of the gaps of bins of equal width [low, high) that are not empty. */
    public static double averageOverBins(LabelledProbabilities x, int bins) {
        Events e = x.top();
        return Arrays.stream(e.bins(e.fromEdge(requireBins(bins)), bins))
                .filter(b -> b.count() > 0)
                .mapToDouble(b -> Math.abs(b.gap()))
                .average()
                .orElse(0);
    }

    /**
     * ECE over bins of equal mass with the share that chance alone brings taken off: twice the error minus its expectation
     * when the frequency of every bin is drawn again. May be negative.
     *
     * <p>Kumar, Liang, Ma: <i>Verified Uncertainty Calibration</i>, arXiv 1909.10155, in closed form instead of
     * resamples. Every bin has two rows at least; with fewer than 2 * bins rows there are fewer bins.
     */
    public static double debiased(LabelledProbabilities x, int bins) {
        Events e = x.top();
        int n = e.size();
        int used = Math.max(1, Math.min(requireBins(bins), n / 2));
        int[] order = x.byConfidence();
        int[] in = new int[n];
        for (int b = 0, r = 0; b < used; b++) {
            for (int end = (int) Math.rint((double) n / used * (b + 1)); r < end; r++) {
                in[order[r]] = b;
            }
        }
        Bin[] all = e.bins(in, used);
        double chance = 0;
        for (Bin b : all) {
            double s = Math.sqrt(b.hit() * (1 - b.hit()) / b.count());
            chance += (double) b.count() / n * meanOfAbsoluteNormal(b.gap(), s);
        }
        return 2 * Events.gap(all, n, 1) - chance;
    }

    /** E|N(d, s^2)|. */
    private static double meanOfAbsoluteNormal(double d, double s) {
        return s == 0
                ? Math.abs(d)
                : s * Math.sqrt(2 / Math.PI) * Math.exp(-d * d / (2 * s * s)) + d * Erf.erf(d / (s * Math.sqrt(2)));
    }

    /**
     * Largest difference between the cumulated confidences and the cumulated hits, rows by rising confidence.
     *
     * <p>Gupta et al.: <i>Calibration of Neural Networks using Splines</i>, arXiv 2006.12800.
     */
    public static double kolmogorovSmirnov(LabelledProbabilities x) {
        double sum = 0;
        double most = 0;
        for (int i : x.byConfidence()) {
            sum += x.confidence(i) - (x.correct(i) ? 1 : 0);
            most = Math.max(most, Math.abs(sum));
        }
        return most / x.size();
    }

    /**
     * Maximum mean calibration error with the kernel exp(-2.5 |c - c'|) over all pairs of rows.
     *
     * <p>Kumar, Sarawagi, Jain: <i>Trainable Calibration Measures for Neural Networks from Kernel Mean Embeddings</i>,
     * ICML 2018. On a line this kernel is a product of steps between neighbours, so the double sum takes one pass over the
     * sorted rows.
     */
    public static double mmce(LabelledProbabilities x) {
        double sum = 0;
        double before = 0;
        double last = 0;
        for (int i : x.byConfidence()) {
            double d = (x.correct(i) ? 1 : 0) - x.confidence(i);
            before *= Math.exp(-MMCE_WIDTH * (x.confidence(i) - last));
            sum += d * d + 2 * d * before;
            before += d;
            last = x.confidence(i);
        }
        return Math.sqrt(Math.max(0, sum)) / x.size();
    }

    /**
     * ECE over bins of equal mass, as many as there can be before a bin's accuracy falls below that of the bin before it;
     * at least two.
     *
     * <p>Roelofs et al.: <i>Mitigating Bias in Calibration Error Estimation</i>, arXiv 2012.08668, algorithm 1.
     */
    public static double sweep(LabelledProbabilities x, int norm) {
        int n = x.size();
        int[] order = x.byConfidence();
        double[] hits = new double[n + 1];
        double[] sum = new double[n + 1];
        for (int r = 0; r < n; r++) {
            hits[r + 1] = hits[r] + (x.correct(order[r]) ? 1 : 0);
            sum[r + 1] = sum[r] + x.confidence(order[r]);
        }
        int bins = Math.min(2, n);
        while (bins < n && monotone(hits, bins + 1)) {
            bins++;
        }
        double error = 0;
        for (int b = 0; b < bins; b++) {
            int from = begin(b, bins, n);
            int to = begin(b + 1, bins, n);
            double gap = Math.abs(sum[to] - sum[from] - hits[to] + hits[from]) / (to - from);
            error += (double) (to - from) / n * (norm == 1 ? gap : gap * gap);
        }
        return norm == 1 ? error : Math.sqrt(error);
    }

    private static boolean monotone(double[] hits, int bins) {
        int n = hits.length - 1;
        double last = 0;
        for (int b = 0; b < bins; b++) {
            int from = begin(b, bins, n);
            int to = begin(b + 1, bins, n);
            double accuracy = (hits[to] - hits[from]) / (to - from);
            if (accuracy < last) {
                return false;
            }
            last = accuracy;
        }
        return true;
    }

    /** First rank r with floor(r * bins / n) = b. */
    private static int begin(int b, int bins, int n) {
        return (int) (((long) b * n + bins - 1) / bins);
    }

    /**
     * ECE from densities of confidence instead of bins, by a triweight kernel; the data are mirrored at 0 and 1.
     *
     * <p>Zhang, Kailkhura, Han: <i>Mix-n-Match</i>, arXiv 2003.07329, section 5.2. Kernel sums are exact, without
     * binning. NaN where no row is right or all right rows have one confidence, with which there is no bandwidth.
     */
    public static double kernelDensity(LabelledProbabilities x) {
        int n = x.size();
        double mean = 0;
        int hits = 0;
        for (int i = 0; i < n; i++) {
            mean += x.correct(i) ? x.confidence(i) : 0;
            hits += x.correct(i) ? 1 : 0;
        }
        mean /= hits;
        double spread = 0;
        for (int i = 0; i < n; i++) {
            spread += x.correct(i) ? (x.confidence(i) - mean) * (x.confidence(i) - mean) : 0;
        }
        double h = Math.sqrt(spread / hits) * Math.pow(2.0 * n, -0.2);
        if (!(h > 0)) {
            return Double.NaN;
        }
        double[] right = density(x, h, true, hits);
        double[] all = density(x, h, false, n);
        double share = (double) hits / n;
        double error = 0;
        double mass = 0;
        double last = 0;
        double lastAll = 0;
        double kept = 0;
        boolean first = true;
        for (int g = 0; g < GRID; g++) {
            double at = gridPoint(g);
            if (Math.max(right[g], all[g]) > 1e-6) {
                kept = all[g] == 0 ? 0 : Math.abs(at - Math.min(share * right[g] / all[g], 1)) * all[g];
            }
            if (at >= 0 && at <= 1) {
                if (!first) {
                    error += (kept + last) / 2;
                    mass += (all[g] + lastAll) / 2;
                }
                first = false;
                last = kept;
                lastAll = all[g];
            }
        }
        return error / mass;
    }

    private static double gridPoint(int g) {
        return GRID_LOW + (GRID_HIGH - GRID_LOW) * g / (GRID - 1);
    }

    private static double[] density(LabelledProbabilities x, double h, boolean onlyRight, int count) {
        double[] f = new double[GRID];
        double reach = 3 * h;
        double step = (GRID_HIGH - GRID_LOW) / (GRID - 1);
        double height = 35.0 / 32 / reach / (2.0 * count);
        for (int i = 0; i < x.size(); i++) {
            if (onlyRight && !x.correct(i)) {
                continue;
            }
            double c = x.confidence(i);
            // half of the mass is a mirror image, at the nearer of 0 and 1
            for (double centre : new double[] {c, c < 0.5 ? -c : 2 - c}) {
                int from = Math.max(0, (int) Math.ceil((centre - reach - GRID_LOW) / step));
                int to = Math.min(GRID - 1, (int) Math.floor((centre + reach - GRID_LOW) / step));
                for (int g = from; g <= to; g++) {
                    double u = (gridPoint(g) - centre) / reach;
                    double k = Math.max(0, 1 - u * u);
                    f[g] += height * k * k * k;
                }
            }
        }
        for (int g = 0; g < GRID; g++) {
            double at = gridPoint(g);
            f[g] = at <= 0 || at >= 1 ? 0 : 2 * f[g];
        }
        return f;
    }

    static int requireBins(int bins) {
        if (bins < 1) {
            throw new IllegalArgumentException("Bins must be >= 1 but are " + bins + ".");
        }
        return bins;
    }
}
