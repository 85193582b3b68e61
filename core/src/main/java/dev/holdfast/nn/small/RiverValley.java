package dev.holdfast.nn.small;

/**
 * L(x, y) = g/2 (y - A sin(w x))^2 - c x: a valley of curvature g along a river that bends and falls. Stochastic descent at a
 * constant rate bounces between the hills while it moves along the river; a falling rate takes it down to the water. Wen et al.,
 * arXiv 2410.05192; the numbers are ours. Pure; safe from any thread.
 *
 * @param curvature g > 0
 * @param slope c
 * @param amplitude A
 * @param frequency w
 */
public record RiverValley(double curvature, double slope, double amplitude, double frequency) {
    public RiverValley {
        if (!(curvature > 0)) {
            throw new IllegalArgumentException("The curvature of a valley must be > 0 but is " + curvature + ".");
        }
    }

    /** Curvature 4, slope 1/2, bends of 0.3 sin(1.5 x). */
    public RiverValley() {
        this(4, 0.5, 0.3, 1.5);
    }

    /** Height above the river's level at x = 0. */
    public double loss(double x, double y) {
        double off = y - amplitude * Math.sin(frequency * x);
        return curvature / 2 * off * off - slope * x;
    }

    /** g/2 (y - A sin(w x))^2: how far up the hills. */
    public double hill(double x, double y) {
        return loss(x, y) + slope * x;
    }

    /** One step of descent with noise added to the gradient: the new {x, y}. */
    public double[] step(double x, double y, double rate, double noiseX, double noiseY) {
        double off = y - amplitude * Math.sin(frequency * x);
        double gx = -curvature * off * amplitude * frequency * Math.cos(frequency * x) - slope;
        double gy = curvature * off;
        return new double[] {x - rate * (gx + noiseX), y - rate * (gy + noiseY)};
    }

    /** Variance of y - h after one more step at a rate, from gradient noise of deviation {@code noise}: (1 - eta g)^2 V + eta^2 s^2. */
    public double nextVariance(double variance, double rate, double noise) {
        return Math.pow(1 - rate * curvature, 2) * variance + rate * rate * noise * noise;
    }

    /** The variance that a constant rate settles at: eta s^2 / (g (2 - eta g)); infinite where it does not settle. */
    public double stationaryVariance(double rate, double noise) {
        return rate * curvature >= 2
                ? Double.POSITIVE_INFINITY
                : rate * noise * noise / (curvature * (2 - rate * curvature));
    }

    /** The rate that lowers the variance most in one step: g V / (g^2 V + s^2). Kept up, one over the rate rises linearly. */
    public double greedyRate(double variance, double noise) {
        return curvature * variance / (curvature * curvature * variance + noise * noise);
    }
}
