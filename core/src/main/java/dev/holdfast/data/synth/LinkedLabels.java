package dev.holdfast.data.synth;

import dev.holdfast.data.source.LabelRows;
import dev.holdfast.tensor.Rng;

/**
 * A stream of label sets with pairwise dependencies, after the idea of the meta generator of multi-label streams: labels
 * have priors and depend on each other by a matrix, and a row's numbers are read off binary concepts, one for each of its
 * labels. Each number of a row belongs to one label and comes from that label's positive or negative side, as a
 * radial-basis, hyperplane or tree concept has it. After {@code driftAt} rows a share of the dependencies is drawn anew.
 *
 * <p>Read, Bifet, Holmes, Pfahringer: <i>Scalable and efficient multi-label classification for evolving data streams</i>,
 * Machine Learning 2012, section 6. Rows are a pure function of (configuration, generator).
 */
public final class LinkedLabels {
    /** What tells the positive from the negative rows of a label. */
    public enum Concept {
        /** Gaussian clouds around centres of either sign. */
        RADIAL,
        /** The side of a hyperplane. */
        HYPERPLANE,
        /** A random tree of thresholds. */
        TREE
    }

    /**
     * @param labels number of labels
     * @param features numbers in a row
     * @param cardinality mean number of labels of a row, before dependencies
     * @param dependence share of pairs of labels that depend on each other
     * @param driftAt rows after which half of the dependencies are drawn anew; 0 for never
     */
    public record Config(
            int labels, int features, double cardinality, double dependence, Concept concept, long driftAt) {
        public Config {
            if (labels < 1 || features < 1 || !(cardinality > 0 && cardinality < labels) || concept == null) {
                throw new IllegalArgumentException("Expected labels >= 1, features >= 1, 0 < cardinality < labels and a"
                        + " concept but got " + labels + ", " + features + ", " + cardinality + ", " + concept + ".");
            }
            if (!(dependence >= 0 && dependence <= 1) || driftAt < 0) {
                throw new IllegalArgumentException("Expected dependence in [0, 1] and driftAt >= 0 but got "
                        + dependence + " and " + driftAt + ".");
            }
        }
    }

    private static final int DEPTH = 4;
    private static final int PER_CONCEPT = 8;

    private final Config config;
    private final Rng rng;
    private final double[] prior;

    /** P(label | other label was drawn) [other][label]; NaN where they do not depend. */
    private final double[][] given;

    /** Of each label: numbers that define its concept. */
    private final double[][] concept;

    private long row;

    public LinkedLabels(Config config, Rng rng) {
        this.config = config;
        this.rng = rng;
        Rng p = rng.child("priors");
        this.prior = new double[config.labels];
        double sum = 0;
        for (int l = 0; l < prior.length; l++) {
            prior[l] = 0.1 + p.next();
            sum += prior[l];
        }
        for (int l = 0; l < prior.length; l++) {
            prior[l] = Math.min(0.95, prior[l] * config.cardinality / sum);
        }
        this.given = new double[config.labels][config.labels];
        link(rng.child("links", 0), 1);
        this.concept = new double[config.labels][];
        for (int l = 0; l < config.labels; l++) {
            concept[l] = concept(rng.child("concept", l));
        }
    }

    /** Draws this share of all dependencies anew: labels that go together, and labels that exclude each other. */
    private void link(Rng r, double share) {
        for (int a = 0; a < config.labels; a++) {
            for (int b = 0; b < config.labels; b++) {
                if (r.next() >= share) {
                    continue;
                }
                boolean depends = a != b && r.next() < config.dependence;
                double u = r.next();
                given[a][b] = !depends ? Double.NaN : u < 0.5 ? prior[b] * u : prior[b] + (1 - prior[b]) * u;
            }
        }
    }

    private double[] concept(Rng r) {
        double[] c = new double[config.concept == Concept.TREE ? 2 << DEPTH : 2 * PER_CONCEPT];
        for (int i = 0; i < c.length; i++) {
            c[i] = r.nextGaussian();
        }
        return c;
    }

    /** The first n rows. */
    public static LabelRows rows(Config config, Rng rng, int n) {
        LinkedLabels g = new LinkedLabels(config, rng);
        double[][] x = new double[n][config.features];
        boolean[][] y = new boolean[n][config.labels];
        for (int i = 0; i < n; i++) {
            g.next(x[i], y[i]);
        }
        return new LabelRows("linked " + config.labels, x, y);
    }

    /** Writes the next row's numbers [features] and labels [labels]. */
    public void next(double[] x, boolean[] y) {
        if (config.driftAt > 0 && row == config.driftAt) {
            link(rng.child("links", 1), 0.5);
        }
        Rng r = rng.child("row", row++);
        java.util.Arrays.fill(y, false);
        int seed = draw(r);
        y[seed] = true;
        for (int l : r.permutation(config.labels)) {
            if (!y[l]) {
                double p = prior[l];
                for (int o = 0; o < config.labels; o++) {
                    if (y[o] && !Double.isNaN(given[o][l])) {
                        p = p * given[o][l] / prior[l];
                    }
                }
                y[l] = r.next() < Math.min(0.95, p);
            }
        }
        for (int j = 0; j < x.length; j++) {
            // numbers are dealt to labels in turn, so that each label has some
            x[j] = number(j % config.labels, j / config.labels, y[j % config.labels], r);
        }
    }

    private int draw(Rng r) {
        double sum = 0;
        for (double p : prior) {
            sum += p;
        }
        double u = r.next() * sum;
        for (int l = 0; l < prior.length; l++) {
            u -= prior[l];
            if (u < 0) {
                return l;
            }
        }
        return prior.length - 1;
    }

    private double number(int label, int k, boolean positive, Rng r) {
        double[] c = concept[label];
        return switch (config.concept) {
            case RADIAL -> c[(k % PER_CONCEPT) * 2 + (positive ? 1 : 0)] + 0.7 * r.nextGaussian();
            case HYPERPLANE -> {
                double side = c[k % c.length] * (positive ? 1 : -1);
                yield side + r.nextGaussian();
            }
            case TREE -> {
                // a walk down thresholds that ends in a leaf of the wanted sign
                double low = 0;
                double width = 1;
                int node = 1;
                for (int d = 0; d < DEPTH; d++) {
                    double cut = 1 / (1 + Math.exp(-c[node % c.length] - k));
                    boolean left = r.next() < (positive == (c[(node + k) % c.length] > 0) ? 0.85 : 0.15);
                    low = left ? low : low + width * cut;
                    width = left ? width * cut : width * (1 - cut);
                    node = 2 * node + (left ? 0 : 1);
                }
                yield low + width * r.next();
            }
        };
    }
}
