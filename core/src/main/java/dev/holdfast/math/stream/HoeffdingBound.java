package dev.holdfast.math.stream;

/**
 * How far the mean of n independent numbers of a known range may lie from its expectation: with probability 1 - delta not
 * more than range * sqrt(ln(1/delta) / (2n)).
 *
 * <p>Hoeffding: <i>Probability Inequalities for Sums of Bounded Random Variables</i>, 1963, theorem 2. Pure functions.
 */
public final class HoeffdingBound {
    private HoeffdingBound() {}

    /** @param n number of observations (or their weight), positive; 0 gives infinity */
    public static double of(double range, double delta, double n) {
        return range * Math.sqrt(Math.log(1 / delta) / (2 * n));
    }
}
