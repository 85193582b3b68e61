package dev.holdfast.calibrate.bin;

import dev.holdfast.math.Lbfgs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.hipparchus.special.Gamma;

/** Step functions fitted to one class against the rest. */
final class StepFits {
    /** Strength of BBQ's prior. */
    private static final double PRIOR = 2;

    private static final double NEGLIGIBLE = 1e-4;
    private static final int ROUNDS = 200;

    private StepFits() {}

    /** Frequencies in bins of equal width. Zadrozny, Elkan, ICML 2001. */
    static Steps histogram(OneVsRest x, int bins) {
        double[] edges = new double[bins - 1];
        for (int b = 1; b < bins; b++) {
            edges[b - 1] = (double) b / bins;
        }
        return Steps.frequencies(x, edges);
    }

    /**
     * The rising step function with the least squares: neighbours out of order are pooled; steps are halfway between
     * rows. Zadrozny, Elkan, KDD 2002.
     */
    static Steps isotonic(OneVsRest x) {
        int n = x.size();
        int[] end = new int[n];
        double[] value = new double[n];
        int[] count = new int[n];
        int top = 0;
        for (int i = 0; i < n; ) {
            int j = i;
            double hits = 0;
            while (j < n && x.p()[j] == x.p()[i]) {
                hits += x.hit()[j++];
            }
            value[top] = hits / (j - i);
            count[top] = j - i;
            end[top] = j;
            while (top > 0 && value[top - 1] >= value[top]) {
                int both = count[top - 1] + count[top];
                value[top - 1] = (value[top - 1] * count[top - 1] + value[top] * count[top]) / both;
                count[top - 1] = both;
                end[top - 1] = end[top];
                top--;
            }
            top++;
            i = j;
        }
        double[] edges = new double[top - 1];
        for (int b = 0; b < edges.length; b++) {
            edges[b] = (x.p()[end[b] - 1] + x.p()[end[b]]) / 2;
        }
        return new Steps(edges, Arrays.copyOf(value, top));
    }

    /**
     * Bayesian binning into quantiles: histograms of equal mass with n^(1/3)/10 to 10 n^(1/3) bins, averaged by their
     * marginal likelihood under Beta priors at the bins' middles. Naeini, Cooper, Hauskrecht, AAAI 2015.
     */
    static Steps bbq(OneVsRest x) {
        double root = Math.cbrt(x.size());
        List<Steps> models = new ArrayList<>();
        List<Double> scores = new ArrayList<>();
        double best = Double.NEGATIVE_INFINITY;
        for (int bins = Math.max(1, (int) (root / 10)); bins <= Math.max(1, Math.ceil(10 * root)); bins++) {
            double[] edges = Steps.equalMass(x, Math.min(bins, x.size()));
            double[] values = new double[edges.length + 1];
            double score = 0;
            double strength = PRIOR / values.length;
            for (int b = 0, from = 0; b < values.length; b++) {
                int to = b == edges.length ? x.size() : x.above(edges[b]);
                double middle = ((b == 0 ? 0 : edges[b - 1]) + (b == edges.length ? 1 : edges[b])) / 2;
                double alpha = strength * Math.min(1 - 1e-6, Math.max(1e-6, middle));
                double beta = strength - alpha;
                double hits = Arrays.stream(x.hit(), from, to).sum();
                double misses = to - from - hits;
                score += Gamma.logGamma(strength)
                        - Gamma.logGamma(strength + to - from)
                        + Gamma.logGamma(hits + alpha)
                        - Gamma.logGamma(alpha)
                        + Gamma.logGamma(misses + beta)
                        - Gamma.logGamma(beta);
                values[b] = (hits + alpha) / (to - from + strength);
                from = to;
            }
            models.add(new Steps(edges, values));
            scores.add(score);
            best = Math.max(best, score);
        }
        return mixture(models, scores, best);
    }

    private static Steps mixture(List<Steps> models, List<Double> scores, double best) {
        TreeSet<Double> edges = new TreeSet<>();
        double total = 0;
        for (int m = 0; m < models.size(); m++) {
            double w = Math.exp(scores.get(m) - best);
            if (w > NEGLIGIBLE) {
                total += w;
                Arrays.stream(models.get(m).edges()).forEach(edges::add);
            }
        }
        double[] all = edges.stream().mapToDouble(e -> e).toArray();
        double[] values = new double[all.length + 1];
        for (int m = 0; m < models.size(); m++) {
            double w = Math.exp(scores.get(m) - best);
            for (int b = 0; w > NEGLIGIBLE && b < values.length; b++) {
                values[b] += w / total * models.get(m).at(b < all.length ? all[b] : 1.0);
            }
        }
        return new Steps(all, values);
    }

    /**
     * A logistic function of the log-odds, then its mean in bins of equal mass: as few numbers as a histogram, as steady
     * as a scaling. Kumar, Liang, Ma, arXiv 1909.10155.
     */
    static Steps scalingBinning(OneVsRest x, int bins) {
        double[] ab = logistic(new double[][] {x.odds()}, x.hit(), new double[] {1, 0});
        double[] odds = x.odds();
        double[] edges = Steps.equalMass(x, Math.min(bins, x.size()));
        double[] values = new double[edges.length + 1];
        for (int b = 0, from = 0; b < values.length; b++) {
            int to = b == edges.length ? x.size() : x.above(edges[b]);
            for (int i = from; i < to; i++) {
                values[b] += sigmoid(ab[0] * odds[i] + ab[1]) / (to - from);
            }
            from = to;
        }
        return new Steps(edges, values);
    }

    /**
     * Edges in log-odds that keep the most information about the class: edges and the bins' log-odds are improved in
     * turns. Values are frequencies of {@code of}, which may be one class while edges are of all. Patel et al., arXiv
     * 2006.13092, eq. 6 and 7.
     */
    static double[] informativeEdges(OneVsRest x, int bins) {
        double[] odds = x.odds();
        int n = odds.length;
        double[] phi = new double[bins];
        for (int b = 0; b < bins; b++) {
            phi[b] = odds[Math.min(n - 1, (int) ((b + 0.5) / bins * n))];
        }
        double[] yes = new double[n + 1];
        double[] no = new double[n + 1];
        for (int i = 0; i < n; i++) {
            yes[i + 1] = yes[i] + sigmoid(odds[i]);
            no[i + 1] = no[i] + sigmoid(-odds[i]);
        }
        int[] from = new int[bins + 1];
        double[] edges = new double[bins - 1];
        for (int round = 0; round < ROUNDS; round++) {
            int[] next = new int[bins + 1];
            next[bins] = n;
            for (int b = 1; b < bins; b++) {
                edges[b - 1] = edge(phi[b - 1], phi[b]);
                next[b] = Math.max(next[b - 1], x.above(sigmoid(edges[b - 1])));
            }
            if (Arrays.equals(next, from)) {
                break;
            }
            from = next;
            for (int b = 0; b < bins; b++) {
                if (from[b + 1] > from[b]) {
                    phi[b] = Math.log(yes[from[b + 1]] - yes[from[b]]) - Math.log(no[from[b + 1]] - no[from[b]]);
                }
            }
            Arrays.sort(phi);
        }
        return Arrays.stream(edges).map(StepFits::sigmoid).sorted().distinct().toArray();
    }

    /** Log-odds at which two bins explain a row equally well. */
    private static double edge(double low, double high) {
        if (!(high - low > 1e-9)) {
            return (low + high) / 2;
        }
        double up = softplus(high) - softplus(low);
        double down = softplus(-low) - softplus(-high);
        return Math.log(up) - Math.log(down);
    }

    private static double softplus(double x) {
        return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    }

    static double sigmoid(double x) {
        return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    }

    /** Weights of the features, then the intercept, of the likeliest logistic function. */
    static double[] logistic(double[][] features, double[] hit, double[] start) {
        int n = hit.length;
        return Lbfgs.minimise(
                (w, gradient) -> {
                    Arrays.fill(gradient, 0);
                    double value = 0;
                    for (int i = 0; i < n; i++) {
                        double z = w[features.length];
                        for (int f = 0; f < features.length; f++) {
                            z += w[f] * features[f][i];
                        }
                        value += softplus(z) - hit[i] * z;
                        double error = sigmoid(z) - hit[i];
                        for (int f = 0; f < features.length; f++) {
                            gradient[f] += error * features[f][i] / n;
                        }
                        gradient[features.length] += error / n;
                    }
                    // a little weight on the size keeps separable rows finite
                    for (int f = 0; f < w.length; f++) {
                        value += 0.5e-6 * n * w[f] * w[f];
                        gradient[f] += 1e-6 * w[f];
                    }
                    return value / n;
                },
                start,
                1e-9,
                500);
    }
}
