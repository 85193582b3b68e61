package dev.holdfast.diagnose.valley;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import java.util.function.DoubleSupplier;

/**
 * The loss along the straight line between two places, {@code (1 - a) A + a B}. Between checkpoints at the bottom of the
 * valley it falls from the earlier to the later; between places up the hills it dips, because the middle is nearer to the
 * river. Wen et al., arXiv 2410.05192.
 *
 * @param shares a of every point, from 0 to 1
 * @param losses at each
 */
public record LossPath(double[] shares, double[] losses) {
    /**
     * Measures; the leaves have their exact former bits afterwards.
     *
     * @param p leaves that {@code loss} reads
     * @param points at least 2, spaced evenly, both ends included
     */
    public static LossPath between(Parameters p, ParamVector a, ParamVector b, int points, DoubleSupplier loss) {
        if (points < 2) {
            throw new IllegalArgumentException("A path needs at least 2 points but is to have " + points + ".");
        }
        double[] shares = new double[points];
        double[] losses = new double[points];
        ParamVector before = p.copy();
        try {
            for (int i = 0; i < points; i++) {
                try (Scope s = Scope.open()) {
                    shares[i] = (double) i / (points - 1);
                    p.assign(i == points - 1 ? b : a.plus(shares[i], b.plus(-1, a)));
                    losses[i] = loss.getAsDouble();
                }
            }
        } finally {
            p.assign(before);
            for (int i = 0; i < before.size(); i++) {
                before.get(i).close();
            }
        }
        return new LossPath(shares, losses);
    }

    /** By how much the path dips below its lower end; 0 where it does not. */
    public double dip() {
        double least = Double.POSITIVE_INFINITY;
        for (double l : losses) {
            least = Math.min(least, l);
        }
        return Math.min(losses[0], losses[losses.length - 1]) - least;
    }

    /** By how much it rises above its higher end; 0 where it does not. */
    public double barrier() {
        double most = Double.NEGATIVE_INFINITY;
        for (double l : losses) {
            most = Math.max(most, l);
        }
        return most - Math.max(losses[0], losses[losses.length - 1]);
    }
}
