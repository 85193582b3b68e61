package dev.holdfast.diagnose.stability;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Whether a learning rate and batch size can stay at a minimum that fits every row (square loss with the factor 1/2), by
 * every notion there is. Immutable.
 *
 * @param eta learning rate
 * @param batch rows a step
 * @param largest lambda_max of the Hessian
 * @param trace tr H
 * @param frobenius |H|_F
 * @param gdStable lambda_max <= 2 / eta: what full-batch gradient descent needs
 * @param withinTraceBound tr H <= 2 / eta: without it SGD with one row a step leaves
 * @param withinRowBound max |g_i|^2 <= 2 / eta: with it SGD with one row a step stays
 * @param critical the rate above which SGD with this batch leaves in mean square
 * @param sgdStable eta <= critical
 * @param frobeniusBound sqrt(B / mu) / eta with the median alignment mu: what |H|_F may be for the loss not to grow
 * @param alignmentMin least alignment of the noise over random displacements
 * @param alignmentMedian its median
 */
public record Stability(
        double eta,
        int batch,
        double largest,
        double trace,
        double frobenius,
        boolean gdStable,
        boolean withinTraceBound,
        boolean withinRowBound,
        double critical,
        boolean sgdStable,
        double frobeniusBound,
        double alignmentMin,
        double alignmentMedian) {
    private static final int DISPLACEMENTS = 25;

    /** Batches with replacement; displacements of the alignment are drawn in the gradients' span. */
    public static Stability of(Tensor outputGradients, double eta, int batch, Rng rng) {
        if (!(eta > 0)) {
            throw new IllegalArgumentException("A learning rate must be > 0 but is " + eta + ".");
        }
        try (Scope s = Scope.open()) {
            Tensor g = outputGradients.to(ScalarType.Double);
            LinearisedSgd sgd = new LinearisedSgd(g);
            double[] mu = new double[DISPLACEMENTS];
            for (int i = 0; i < mu.length; i++) {
                try (Scope one = Scope.open()) {
                    Tensor z = rng.child("displacement", i).normal(ScalarType.Double, sgd.rows());
                    mu[i] = sgd.alignment(g.t().matmul(z));
                }
            }
            Arrays.sort(mu);
            double median = mu[mu.length / 2];
            double critical = sgd.critical(batch, true);
            return new Stability(
                    eta,
                    batch,
                    sgd.largest(),
                    sgd.trace(),
                    sgd.frobenius(),
                    sgd.largest() <= 2 / eta,
                    sgd.trace() <= 2 / eta,
                    eta <= sgd.sufficient(),
                    critical,
                    eta <= critical,
                    Math.sqrt(batch / median) / eta,
                    mu[0],
                    median);
        }
    }

    /** Why the numbers do not decide here, if they do not: the loss is not (nearly) 0. */
    public static Optional<String> doubt(double loss, double scale) {
        return loss <= 1e-6 * scale
                ? Optional.empty()
                : Optional.of(String.format(
                        Locale.ROOT,
                        "The loss is %.3g, not 0: rows are not fitted, so the bounds hold only roughly.",
                        loss));
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "rate %.4g, batch %d: lambda_max %.4g, trace %.4g, 2/rate %.4g; gradient descent %s; SGD %s (leaves above"
                        + " %.4g)",
                eta,
                batch,
                largest,
                trace,
                2 / eta,
                gdStable ? "stays" : "leaves",
                sgdStable ? "stays" : "leaves",
                critical);
    }
}
