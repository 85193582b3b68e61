package dev.holdfast.data.synth;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;

/**
 * MNIST-1D (Greydanus and Kobak, "Scaling down deep learning", arXiv 2011.14439): ten hand-drawn strokes of twelve
 * points, one a digit, each example padded, scaled, moved, noised, sheared and read at forty points. Small, yet it tells
 * a linear model (about 32 %), an MLP (68 %) and a convolution (94 %) apart.
 *
 * <p>The procedure and its constants are the paper's; the random numbers are Holdfast's, so single rows differ from the
 * authors' file. Pure functions; safe from any thread.
 */
public final class Mnist1d {
    /** One stroke a digit, before whitening. */
    private static final double[][] STROKES = {
        {5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5},
        {5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5},
        {5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5},
        {5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5},
        {5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5},
        {5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5},
        {5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5},
        {5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5},
        {5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5},
        {5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5}
    };

    private Mnist1d() {}

    /**
     * The paper's settings.
     *
     * @param trainRows training rows, a tenth of each digit
     * @param testRows test rows, a tenth of each digit
     * @param minPadding fewest zeros after the stroke
     * @param maxPadding most zeros after the stroke; strokes are stretched to 12 + maxPadding points
     * @param scale strokes are multiplied by 1 + scale * u, u uniform in [-1/2, 1/2)
     * @param maxTranslation moved round by 0 to maxTranslation - 1 points
     * @param correlatedNoise deviation of the noise in the empty part before smoothing (Gaussian, sigma 2)
     * @param noise deviation of the noise on every point
     * @param shear a ramp of height shear * u is taken off, u uniform in [-1/2, 1/2)
     * @param length points of a row
     */
    public record Config(
            int trainRows,
            int testRows,
            int minPadding,
            int maxPadding,
            double scale,
            int maxTranslation,
            double correlatedNoise,
            double noise,
            double shear,
            int length) {
        public Config {
            if (trainRows < 10 || testRows < 10 || trainRows % 10 != 0 || testRows % 10 != 0) {
                throw new IllegalArgumentException("trainRows and testRows must be multiples of the ten digits but are "
                        + trainRows + " and " + testRows + ".");
            }
            if (minPadding < 0 || maxPadding < minPadding || length < 2) {
                throw new IllegalArgumentException("Expected 0 <= minPadding <= maxPadding and length >= 2 but got "
                        + minPadding + ", " + maxPadding + ", " + length + ".");
            }
            if (maxTranslation < 1 || maxTranslation > 12 + maxPadding) {
                throw new IllegalArgumentException("maxTranslation must lie between 1 and 12 + maxPadding = "
                        + (12 + maxPadding) + " but is " + maxTranslation + ".");
            }
            if (!(scale >= 0) || !(correlatedNoise >= 0) || !(noise >= 0) || !(shear >= 0)) {
                throw new IllegalArgumentException("scale, noises and shear must be >= 0 but are " + scale + ", "
                        + correlatedNoise + ", " + noise + ", " + shear + ".");
            }
        }

        /** 4,000 and 1,000 rows, as published. */
        public static Config defaults() {
            return new Config(4000, 1000, 36, 60, 0.4, 48, 0.25, 0.02, 0.75, 40);
        }
    }

    /** Training rows [trainRows, length]. */
    public static MemoryDataset train(Config c, Rng rng) {
        return rows(c, c.trainRows, rng.child("mnist1d-train"));
    }

    /** Test rows [testRows, length]; other draws than the training rows'. */
    public static MemoryDataset test(Config c, Rng rng) {
        return rows(c, c.testRows, rng.child("mnist1d-test"));
    }

    private static MemoryDataset rows(Config c, int n, Rng rng) {
        try (Scope s = Scope.open()) {
            int[] order = rng.child("order").permutation(n);
            float[] x = new float[n * c.length];
            long[] y = new long[n];
            for (int i = 0; i < n; i++) {
                int digit = order[i] % 10;
                double[] row = example(c, digit, rng.child("row", order[i]));
                for (int k = 0; k < c.length; k++) {
                    x[i * c.length + k] = (float) row[k];
                }
                y[i] = digit;
            }
            ClassIndex digits = ClassIndex.numbered(10);
            Schema schema = Schema.of(
                    new Schema.Field(Inputs.X, Schema.Field.Kind.VECTOR, List.of((long) c.length), 0),
                    Target.ClassIds.class,
                    digits);
            return MemoryDataset.of(schema, Inputs.of(Tensors.of(x, n, c.length)), Target.ClassIds.of(y));
        }
    }

    /** One example of a digit; draws padding, scale, move, smoothed noise, noise and shear from {@code rng} in turn. */
    static double[] example(Config c, int digit, Rng rng) {
        double[] stroke = template(digit);
        int padding = c.minPadding + (int) (rng.next() * (c.maxPadding - c.minPadding + 1));
        double[] padded = new double[stroke.length + padding];
        for (int i = 0; i < stroke.length; i++) {
            // a stroke's own zeros must not be taken for the empty part below
            padded[i] = stroke[i] + 1e-8;
        }
        double[] x = interpolate(padded, stroke.length + c.maxPadding);
        double factor = 1 + c.scale * (rng.next() - 0.5);
        int move = rng.below(c.maxTranslation);
        double[] moved = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            moved[(i + move) % x.length] = factor * x[i];
        }
        double[] raw = new double[x.length];
        for (int i = 0; i < raw.length; i++) {
            raw[i] = c.correlatedNoise * rng.nextGaussian();
        }
        double[] smooth = gaussianFilter(raw, 2);
        for (int i = 0; i < moved.length; i++) {
            if (moved[i] == 0) {
                moved[i] = smooth[i];
            }
            moved[i] += c.noise * rng.nextGaussian();
        }
        double ramp = c.shear * (rng.next() - 0.5);
        for (int i = 0; i < moved.length; i++) {
            moved[i] -= ramp * (i / (moved.length - 1.0) - 0.5);
        }
        return interpolate(moved, c.length);
    }

    /** A stroke with mean 0 and deviation 1, moved to start at 0, divided by 6. */
    static double[] template(int digit) {
        double[] d = STROKES[digit];
        double mean = 0;
        for (double v : d) {
            mean += v / d.length;
        }
        double square = 0;
        for (double v : d) {
            square += (v - mean) * (v - mean) / d.length;
        }
        double[] t = new double[d.length];
        for (int i = 0; i < t.length; i++) {
            t[i] = (d[i] - d[0]) / Math.sqrt(square) / 6;
        }
        return t;
    }

    /** Linear interpolation at n evenly spread points, ends included. */
    static double[] interpolate(double[] x, int n) {
        double[] y = new double[n];
        for (int i = 0; i < n; i++) {
            double at = (double) i * (x.length - 1) / (n - 1);
            int left = Math.min((int) at, x.length - 2);
            double w = at - left;
            y[i] = (1 - w) * x[left] + w * x[left + 1];
        }
        return y;
    }

    /** Normalised Gaussian weights out to four deviations; the signal is mirrored at its ends. */
    static double[] gaussianFilter(double[] x, double sigma) {
        int radius = (int) (4 * sigma + 0.5);
        double[] w = new double[radius + 1];
        double sum = 0;
        for (int k = 0; k <= radius; k++) {
            w[k] = Math.exp(-0.5 * k * k / (sigma * sigma));
            sum += k == 0 ? w[k] : 2 * w[k];
        }
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            for (int k = -radius; k <= radius; k++) {
                y[i] += w[Math.abs(k)] / sum * x[mirror(i + k, x.length)];
            }
        }
        return y;
    }

    /** ... b a | a b c ... y z | z y ... */
    private static int mirror(int i, int n) {
        int m = Math.floorMod(i, 2 * n);
        return m < n ? m : 2 * n - 1 - m;
    }
}
