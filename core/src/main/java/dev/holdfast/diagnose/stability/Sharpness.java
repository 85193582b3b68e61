package dev.holdfast.diagnose.stability;

import dev.holdfast.data.Batch;
import dev.holdfast.diagnose.curvature.Hutchinson;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.objective.HvpOperator;
import dev.holdfast.objective.Objective;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;

/**
 * How curved a loss is where its parameters are, for any model: from Hessian-vector products alone. Immutable.
 *
 * <p>Gradient descent with the rate eta oscillates where lambda_max > 2 / eta; SGD is driven by the trace (Wu, Su, arXiv
 * 2305.17490). Away from a minimum, and for losses other than the square, these lines are a rule of thumb.
 *
 * @param largest lambda_max
 * @param residual how far an eigenvalue can be from it at most
 * @param smallest the smallest Ritz value: well below 0, the place is a saddle
 * @param trace tr H with its standard error
 * @param frobeniusSquared |H|_F^2 with its standard error
 * @param products Hessian-vector products spent
 */
public record Sharpness(
        double largest,
        double residual,
        double smallest,
        Hutchinson.Estimate trace,
        Hutchinson.Estimate frobeniusSquared,
        int products) {
    /** Of the loss over these batches, with the usual number of products. */
    public static Sharpness of(Objective loss, List<Batch> batches, Rng rng) {
        return of(loss, batches, rng, new Lanczos(), new Hutchinson());
    }

    /** The same, more or less exactly. */
    public static Sharpness of(Objective loss, List<Batch> batches, Rng rng, Lanczos lanczos, Hutchinson hutchinson) {
        try (Scope s = Scope.open()) {
            LinearOperator h = new HvpOperator(loss, batches);
            Tensor like = loss.parameters().get(0);
            Tensor start = rng.child("start").normal(like.scalar_type(), h.size());
            Lanczos.Result ends = lanczos.run(h, start);
            Hutchinson.Result sums = hutchinson.run(h, rng.child("signs"), like);
            return new Sharpness(
                    ends.largest(),
                    ends.residuals()[0],
                    ends.smallest(),
                    sums.trace(),
                    sums.frobeniusSquared(),
                    ends.ritz().length + sums.trace().n());
        }
    }

    /** Only the largest eigenvalue, from a start that may be the last one's eigenvector. */
    public static double largest(Objective loss, List<Batch> batches, Rng rng, Lanczos lanczos) {
        try (Scope s = Scope.open()) {
            LinearOperator h = new HvpOperator(loss, batches);
            Tensor like = loss.parameters().get(0);
            return lanczos.run(h, rng.normal(like.scalar_type(), h.size())).largest();
        }
    }

    /** Where gradient descent with this rate starts to oscillate: 2 / eta, with momentum 2 (1 + beta) / eta. */
    public static double edge(double eta, double momentum) {
        if (!(eta > 0) || !(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException(
                    "The edge of stability needs a rate > 0 and a momentum in [0, 1) but got " + eta + " and "
                            + momentum + ".");
        }
        return 2 * (1 + momentum) / eta;
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "lambda_max %.4g (+- %.2g), trace %.4g (+- %.2g), Frobenius norm %.4g",
                largest,
                residual,
                trace.mean(),
                trace.standardError(),
                Math.sqrt(frobeniusSquared.mean()));
    }
}
