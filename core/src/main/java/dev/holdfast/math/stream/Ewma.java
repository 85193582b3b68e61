package dev.holdfast.math.stream;

/**
 * Exponentially weighted mean: m becomes (1 - alpha) m + alpha x, beginning with the first number itself. One thread.
 *
 * <p>Roberts: <i>Control Chart Tests Based on Geometric Moving Averages</i>, Technometrics 1959.
 */
public final class Ewma {
    private final double alpha;
    private double mean = Double.NaN;

    /** @param alpha weight of the newest number, in (0, 1] */
    public Ewma(double alpha) {
        this(alpha, Double.NaN);
    }

    /** One that goes on from a saved {@link #mean}; NaN for none. */
    public Ewma(double alpha, double mean) {
        if (!(alpha > 0 && alpha <= 1)) {
            throw new IllegalArgumentException("The weight alpha must be in (0, 1] but is " + alpha + ".");
        }
        this.alpha = alpha;
        this.mean = mean;
    }

    /** Takes one more number and returns the mean. */
    public double add(double x) {
        mean = Double.isNaN(mean) ? x : mean + alpha * (x - mean);
        return mean;
    }

    /** The mean; NaN before the first number. */
    public double mean() {
        return mean;
    }
}
