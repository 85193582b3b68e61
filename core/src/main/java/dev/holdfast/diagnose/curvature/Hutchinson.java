package dev.holdfast.diagnose.curvature;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Trace and squared Frobenius norm of a symmetric operator from random sign vectors z: E z'Az = tr A and E |Az|^2 =
 * |A|_F^2. Signs (Rademacher) have less variance than normal numbers: 2 (|A|_F^2 - sum A_ii^2) a probe for the trace, none
 * for a diagonal operator. Immutable; safe from any thread.
 *
 * <p>Hutchinson: <i>A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines</i>, 1989.
 *
 * @param probes products with the operator at most
 * @param relativeError stop once the standard error of the trace is at most this share of it; 0 = never
 */
public record Hutchinson(int probes, double relativeError) {
    /** A standard error of fewer numbers says little. */
    private static final int LEAST = 10;

    public Hutchinson {
        if (probes < 1 || !(relativeError >= 0)) {
            throw new IllegalArgumentException(
                    "Hutchinson's estimator needs probes >= 1 and a relative error >= 0 but has " + probes + " and "
                            + relativeError + ".");
        }
    }

    /** 50 probes, or until the standard error is a twentieth. */
    public Hutchinson() {
        this(50, 0.05);
    }

    /** A mean of {@code n} numbers and its standard error, which is NaN for one. */
    public record Estimate(double mean, double standardError, int n) {}

    /** Trace and squared Frobenius norm. */
    public record Result(Estimate trace, Estimate frobeniusSquared) {}

    /** With signs drawn by seed; {@code like} has the operator's dtype. */
    public Result run(LinearOperator a, Rng rng, Tensor like) {
        Moments trace = new Moments();
        Moments square = new Moments();
        while (trace.n < probes && !(trace.n >= LEAST && trace.precise(relativeError))) {
            try (Scope s = Scope.open()) {
                Tensor z = rng.child("probe", trace.n).uniform(a.size()).ge(Tensors.scalar(0.5));
                probe(a, z.to(like.scalar_type()).mul(Tensors.scalar(2)).sub(Tensors.scalar(1)), trace, square);
            }
        }
        return new Result(trace.estimate(), square.estimate());
    }

    /** With given probes [n, d], all of them. */
    public static Result run(LinearOperator a, Tensor probes) {
        Tensors.requireShape("probes", probes, -1, a.size());
        Moments trace = new Moments();
        Moments square = new Moments();
        for (long i = 0; i < probes.size(0); i++) {
            try (Scope s = Scope.open()) {
                probe(a, probes.select(0, i), trace, square);
            }
        }
        return new Result(trace.estimate(), square.estimate());
    }

    private static void probe(LinearOperator a, Tensor z, Moments trace, Moments square) {
        Tensor az = a.apply(z).to(ScalarType.Double);
        if (!Tensors.finite(az)) {
            throw new IllegalArgumentException("The operator gave no finite product with probe " + trace.n
                    + ".\nMaybe the loss is not finite where its curvature is asked for.");
        }
        trace.add(Tensors.item(z.to(ScalarType.Double).dot(az)));
        square.add(Tensors.item(az.dot(az)));
    }

    /** Running mean and variance (Welford). */
    private static final class Moments {
        private int n;
        private double mean;
        private double squares;

        void add(double v) {
            n++;
            double d = v - mean;
            mean += d / n;
            squares += d * (v - mean);
        }

        double standardError() {
            return n < 2 ? Double.NaN : Math.sqrt(squares / (n - 1) / n);
        }

        boolean precise(double relative) {
            return relative > 0 && standardError() <= relative * Math.abs(mean);
        }

        Estimate estimate() {
            return new Estimate(mean, standardError(), n);
        }
    }
}
