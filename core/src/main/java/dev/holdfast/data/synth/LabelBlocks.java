package dev.holdfast.data.synth;

import dev.holdfast.data.source.LabelRows;
import dev.holdfast.tensor.Rng;

/**
 * A stream of label sets that come in groups: a row has a topic, the labels of the topic's group are likely and all others
 * are rare, and its numbers are a noisy sum of one prototype for each of its labels. The groups are known, so that a
 * partition of the labels can be scored; after {@code driftAt} rows they are dealt anew.
 *
 * <p>Rows are a pure function of (configuration, generator).
 */
public final class LabelBlocks {
    /**
     * @param labels number of labels
     * @param groups number of groups, of sizes that differ by at most one
     * @param features numbers in a row
     * @param inside probability of a label of the topic's group
     * @param outside probability of any other label
     * @param noise deviation of the noise on each number
     * @param driftAt rows after which the groups are dealt anew; 0 for never
     */
    public record Config(
            int labels, int groups, int features, double inside, double outside, double noise, long driftAt) {
        public Config {
            if (labels < 1 || groups < 1 || groups > labels || features < 1 || driftAt < 0) {
                throw new IllegalArgumentException("Expected 1 <= groups <= labels, features >= 1 and driftAt >= 0 but"
                        + " got " + groups + ", " + labels + ", " + features + ", " + driftAt + ".");
            }
            if (!(inside >= 0 && inside <= 1 && outside >= 0 && outside <= 1 && noise >= 0)) {
                throw new IllegalArgumentException("Expected probabilities inside and outside, and noise >= 0, but got "
                        + inside + ", " + outside + ", " + noise + ".");
            }
        }

        /** Nine labels in three groups. */
        public static Config defaults(long driftAt) {
            return new Config(9, 3, 20, 0.75, 0.03, 1, driftAt);
        }
    }

    private final Config config;
    private final Rng rng;
    private final double[][] prototype;
    private int[] group;
    private long row;

    public LabelBlocks(Config config, Rng rng) {
        this.config = config;
        this.rng = rng;
        Rng p = rng.child("prototypes");
        this.prototype = new double[config.labels][config.features];
        for (double[] v : prototype) {
            for (int j = 0; j < v.length; j++) {
                v[j] = p.nextGaussian();
            }
        }
        this.group = deal(0);
    }

    private int[] deal(int turn) {
        int[] order = rng.child("groups", turn).permutation(config.labels);
        int[] g = new int[config.labels];
        for (int i = 0; i < order.length; i++) {
            g[order[i]] = i % config.groups;
        }
        return g;
    }

    /** Group of each label [labels] for the row that comes next. */
    public int[] groups() {
        return (config.driftAt > 0 && row == config.driftAt ? deal(1) : group).clone();
    }

    /** The first n rows. */
    public static LabelRows rows(Config config, Rng rng, int n) {
        LabelBlocks g = new LabelBlocks(config, rng);
        double[][] x = new double[n][config.features];
        boolean[][] y = new boolean[n][config.labels];
        for (int i = 0; i < n; i++) {
            g.next(x[i], y[i]);
        }
        return new LabelRows("blocks", x, y);
    }

    /** Writes the next row's numbers [features] and labels [labels]. */
    public void next(double[] x, boolean[] y) {
        if (config.driftAt > 0 && row == config.driftAt) {
            group = deal(1);
        }
        Rng r = rng.child("row", row++);
        int topic = r.below(config.groups);
        for (int j = 0; j < x.length; j++) {
            x[j] = config.noise * r.nextGaussian();
        }
        for (int l = 0; l < config.labels; l++) {
            y[l] = r.next() < (group[l] == topic ? config.inside : config.outside);
            if (y[l]) {
                for (int j = 0; j < x.length; j++) {
                    x[j] += prototype[l][j];
                }
            }
        }
    }
}
