package dev.holdfast.diagnose.scaling;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.hipparchus.stat.regression.OLSMultipleLinearRegression;

/**
 * How a number grows with the size of a model: a line, or a parabola, through log(value) against log(size) by least squares,
 * and what it says about sizes that were not tried.
 *
 * <p>Wortsman et al., arXiv 2309.14322, section 3.4. Immutable.
 */
public final class ScalingFit {
    /** A slope up to this is no growth. */
    public static final double NO_GROWTH = 0.05;

    /** Attention logits above this are unstable. */
    public static final double ATTENTION_LOGIT = 1e4;

    /** Gradients below this many epsilons are too small for Adam. */
    public static final double EPSILONS = 10;

    private final double[] sizes;
    private final double[] values;
    private final int degree;
    private final double[] coefficients;

    private ScalingFit(double[] sizes, double[] values, int degree) {
        this.sizes = sizes;
        this.values = values;
        this.degree = degree;
        this.coefficients = fitted(sizes, values, degree);
    }

    /** A line. */
    public static ScalingFit line(double[] sizes, double[] values) {
        return of(sizes, values, 1);
    }

    /** A parabola, of three sizes or more. */
    public static ScalingFit parabola(double[] sizes, double[] values) {
        return of(sizes, values, 2);
    }

    private static ScalingFit of(double[] sizes, double[] values, int degree) {
        if (sizes.length != values.length) {
            throw new IllegalArgumentException(
                    "There are " + sizes.length + " sizes and " + values.length + " values; expected as many of each.");
        }
        requirePositive("Sizes", sizes);
        requirePositive("Values", values);
        if (Arrays.stream(sizes).distinct().count() <= degree) {
            throw new IllegalArgumentException("A fit with " + (degree + 1)
                    + " coefficients needs as many different sizes" + " at least; there are " + Arrays.toString(sizes)
                    + ".\nMaybe train models of more widths.");
        }
        return new ScalingFit(sizes.clone(), values.clone(), degree);
    }

    private static void requirePositive(String what, double[] v) {
        for (double x : v) {
            if (!(x > 0) || Double.isInfinite(x)) {
                throw new IllegalArgumentException(what + " of a fit through logarithms must be finite and > 0 but are "
                        + Arrays.toString(v) + ".\nMaybe a run that diverged is among them.");
            }
        }
    }

    private static double[] fitted(double[] sizes, double[] values, int degree) {
        // around the middle, so that logarithms of sizes do not cancel
        double middle = Arrays.stream(sizes).map(Math::log).average().orElseThrow();
        double[][] powers = new double[sizes.length][degree];
        for (int i = 0; i < sizes.length; i++) {
            double x = Math.log(sizes[i]) - middle;
            for (int k = 0; k < degree; k++) {
                powers[i][k] = Math.pow(x, k + 1);
            }
        }
        OLSMultipleLinearRegression squares = new OLSMultipleLinearRegression();
        squares.newSampleData(Arrays.stream(values).map(Math::log).toArray(), powers);
        double[] c = squares.estimateRegressionParameters();
        double square = degree == 2 ? c[2] : 0;
        return new double[] {c[0] - c[1] * middle + square * middle * middle, c[1] - 2 * square * middle, square};
    }

    /** Exponent with which the value grows at the largest size; everywhere, of a line. */
    public double slope() {
        return coefficients[1] + 2 * coefficients[2] * Math.log(largest());
    }

    /** Natural logarithm of the value at size 1. */
    public double intercept() {
        return coefficients[0];
    }

    private double largest() {
        return Arrays.stream(sizes).max().orElseThrow();
    }

    /** The value that a size leads to. */
    public double at(double size) {
        double x = Math.log(size);
        return Math.exp(coefficients[0] + x * (coefficients[1] + x * coefficients[2]));
    }

    /**
     * Lowest and highest prediction.
     *
     * @param low &lt;= high
     */
    public record Band(double low, double high) {}

    /**
     * Predictions at a size when each run in turn is left out; NaN where too few would be left, as with two sizes and a
     * line.
     */
    public Band band(double size) {
        List<Double> all = new ArrayList<>();
        for (int i = 0; i < sizes.length; i++) {
            int out = i;
            int[] kept = IntStream.range(0, sizes.length).filter(j -> j != out).toArray();
            double[] s = Arrays.stream(kept).mapToDouble(j -> sizes[j]).toArray();
            if (Arrays.stream(s).distinct().count() > degree) {
                all.add(of(s, Arrays.stream(kept).mapToDouble(j -> values[j]).toArray(), degree)
                        .at(size));
            }
        }
        return new Band(
                all.stream().mapToDouble(v -> v).min().orElse(Double.NaN),
                all.stream().mapToDouble(v -> v).max().orElse(Double.NaN));
    }

    /** The size from which on the value exceeds a threshold; empty if it does not grow ({@link #NO_GROWTH}) that far. */
    public OptionalDouble sizeAbove(double threshold) {
        return slope() <= NO_GROWTH ? OptionalDouble.empty() : crossing(threshold, 1);
    }

    /** The size from which on the value is below a threshold; empty if it does not fall that far. */
    public OptionalDouble sizeBelow(double threshold) {
        return slope() >= -NO_GROWTH ? OptionalDouble.empty() : crossing(threshold, -1);
    }

    /** Where the curve passes the threshold in the direction of {@code sign}. */
    private OptionalDouble crossing(double threshold, int sign) {
        double a = coefficients[2];
        double b = coefficients[1];
        double c = coefficients[0] - Math.log(threshold);
        if (a == 0) {
            return OptionalDouble.of(Math.exp(-c / b));
        }
        double inside = b * b - 4 * a * c;
        // of the two roots, the one at which the slope 2ax + b has the sign
        return inside < 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(Math.exp((-b + sign * Math.sqrt(inside)) / (2 * a)));
    }
}
