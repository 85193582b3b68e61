package dev.holdfast.diagnose.stability;

import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import org.bytedeco.pytorch.Tensor;

/**
 * Stochastic gradient descent near a minimum that fits every row, seen through the rows' output gradients g_i alone: which
 * learning rates can stay there.
 *
 * <p>With the loss 1/(2n) sum (f(x_i) - y_i)^2 and all rows fitted, the Hessian is exactly H = (1/n) sum g_i g_i', and the
 * distance theta from the minimum moves by theta := theta - (eta/B) sum over the batch of g_i g_i' theta. Its second moment S
 * moves by the self-adjoint map
 *
 * <pre>
 * T(S) = S - eta (H S + S H) + eta^2 [ (1 - c/B) H S H + (c/B) (1/n) sum_i (g_i' S g_i) g_i g_i' ]
 * </pre>
 *
 * with c = 1 for batches drawn with replacement and (n-B)/(n-1) for those without. Stability, E|theta|^2 bounded from any
 * start in the span of the gradients, is spectral radius of T <= 1. As T is affine in (eta, eta^2), the rate where it is
 * reached is one over the largest eigenvalue of the bracket between the roots of S -> HS + SH: no search. Everything is
 * computed in the span of the gradients (rank r), in the basis of H's eigenvectors; a product costs n r^2.
 *
 * <p>Wu, Su: <i>The Implicit Regularization of Dynamical Stability in Stochastic Gradient Descent</i>, arXiv 2305.17490;
 * alignment: Wu, Wang, Su, arXiv 2207.02628. Immutable; its tensors belong to the scope in which it is made.
 */
public final class LinearisedSgd {
    /** Eigenvalues below this share of the largest are rank deficiency. */
    private static final double RANK = 1e-10;

    private static final Lanczos EXACT = new Lanczos(400, 1e-13);

    private final Tensor gradients;
    private final long n;

    /** g_i in the basis of H's eigenvectors [n, r]. */
    private final Tensor coordinates;

    /** Eigenvalues of H that are not 0, descending [r]. */
    private final Tensor lambda;

    /** 1 / sqrt(lambda_a + lambda_b) [r, r]. */
    private final Tensor rootSum;

    /** From output gradients [n, p], float64. */
    public LinearisedSgd(Tensor gradients) {
        Tensors.requireShape("output gradients of the rows", gradients, -1, -1);
        Tensors.requireFinite("The output gradients of the rows", gradients);
        this.gradients = gradients;
        this.n = gradients.size(0);
        // the left singular vectors of G are all that is needed, and n is small where p is not
        LinearAlgebra.Eigen gram = LinearAlgebra.eigh(gradients.matmul(gradients.t()));
        double[] values = Tensors.doubles(gram.values());
        double largest = values[values.length - 1];
        if (!(largest > 0)) {
            throw new IllegalArgumentException("All " + n + " output gradients are 0, so no rate is unstable there."
                    + "\nMaybe the network is dead, or the parameters do not reach its output.");
        }
        int r = 0;
        while (r < values.length && values[values.length - 1 - r] > RANK * largest) {
            r++;
        }
        Tensor kept = Tensors.slice(gram.values().flip(0), 0, r);
        this.coordinates = Tensors.slice(gram.vectors().flip(1), 1, 0, r).mul(kept.sqrt());
        this.lambda = kept.div(Tensors.scalar(n));
        this.rootSum = lambda.unsqueeze(1).add(lambda.unsqueeze(0)).rsqrt();
    }

    /** Rows. */
    public long rows() {
        return n;
    }

    /** Dimension of the gradients' span. */
    public long rank() {
        return lambda.size(0);
    }

    /** H [p, p]. */
    public Tensor hessian() {
        return gradients.t().matmul(gradients).div(Tensors.scalar(n));
    }

    /** tr H = mean |g_i|^2. */
    public double trace() {
        return Tensors.item(lambda.sum());
    }

    /** |H|_F. */
    public double frobenius() {
        return Tensors.item(lambda.norm());
    }

    /** The largest eigenvalue of H. */
    public double largest() {
        return Tensors.item(lambda.select(0, 0));
    }

    /** The rate above which gradient descent leaves: 2 / lambda_max. */
    public double gdCritical() {
        return 2 / largest();
    }

    /** 2 / tr H: above it SGD with one row a step leaves, whatever the gradients. */
    public double traceBound() {
        return 2 / trace();
    }

    /** 2 / max |g_i|^2: up to it SGD with one row a step stays, whatever the gradients. */
    public double sufficient() {
        return 2 / Tensors.item(gradients.mul(gradients).sum(1).max());
    }

    /** The rate above which SGD leaves in mean square, with batches of so many rows. */
    public double critical(int batch, boolean replacement) {
        double share = noiseShare(batch, replacement);
        LinearOperator bracket = onMoments(s -> {
            Tensor scaled = s.mul(rootSum);
            return noise(scaled, share).mul(rootSum);
        });
        return 1 / EXACT.run(bracket, start()).largest();
    }

    /** Spectral radius of T at a rate: by what factor the mean squared distance grows in a step, in the long run. */
    public double radius(double eta, int batch, boolean replacement) {
        if (!(eta > 0)) {
            throw new IllegalArgumentException("A learning rate must be > 0 but is " + eta + ".");
        }
        double share = noiseShare(batch, replacement);
        Tensor sum = lambda.unsqueeze(1).add(lambda.unsqueeze(0));
        LinearOperator t =
                onMoments(s -> s.sub(s.mul(sum), Tensors.scalar(eta)).add(noise(s, share), Tensors.scalar(eta * eta)));
        // T maps covariances to covariances, so its radius is its largest eigenvalue, and the identity reaches it
        return EXACT.run(t, start()).largest();
    }

    /**
     * The symmetric matrix [n, n] whose largest eigenvalue is one over the critical rate of one row a step: P_ij = (1/n)
     * sum_ab g_ia g_ib g_ja g_jb / (lambda_a + lambda_b). Its rows sum to |g_i|^2 / 2 where the gradients are linearly
     * independent.
     */
    public Tensor p() {
        Tensor outer = coordinates
                .unsqueeze(2)
                .mul(coordinates.unsqueeze(1))
                .mul(rootSum)
                .reshape(n, -1);
        return outer.matmul(outer.t()).div(Tensors.scalar(n));
    }

    /** Covariance [p, p] of one row's gradient at a displacement theta [p]. */
    public Tensor noiseCovariance(Tensor theta) {
        Tensors.requireShape("displacement", theta, gradients.size(1));
        Tensor along = gradients.matmul(theta);
        Tensor full = hessian().matmul(theta);
        return gradients
                .t()
                .mul(along.mul(along))
                .matmul(gradients)
                .div(Tensors.scalar(n))
                .sub(full.outer(full));
    }

    /**
     * How well the noise at theta lies in the steep directions: tr(S H) / (2 L |H|_F^2). A loss-stable rate has |H|_F <=
     * sqrt(B / mu) / eta.
     */
    public double alignment(Tensor theta) {
        double loss =
                Tensors.item(gradients.matmul(theta).pow(Tensors.scalar(2)).sum()) / n / 2;
        if (loss == 0) {
            throw new IllegalArgumentException("The alignment of noise needs a displacement with a loss > 0.");
        }
        Tensor h = hessian();
        double overlap = Tensors.item(noiseCovariance(theta).mul(h).sum());
        return overlap / (2 * loss * Tensors.item(h.mul(h).sum()));
    }

    /** (1 - c/B) H S H + (c/B) (1/n) sum_i (g_i' S g_i) g_i g_i', with share = c/B. */
    private Tensor noise(Tensor s, double share) {
        Tensor along = coordinates.matmul(s).mul(coordinates).sum(1);
        Tensor spread = coordinates.t().mul(along).matmul(coordinates).div(Tensors.scalar(n));
        Tensor drift = s.mul(lambda.unsqueeze(1)).mul(lambda.unsqueeze(0));
        return spread.mul(Tensors.scalar(share)).add(drift, Tensors.scalar(1 - share));
    }

    private double noiseShare(int batch, boolean replacement) {
        if (batch < 1 || batch > n) {
            throw new IllegalArgumentException(
                    "A batch must have between 1 and n = " + n + " rows but has " + batch + ".");
        }
        double c = replacement ? 1 : n == 1 ? 0 : (n - batch) / (n - 1.0);
        return c / batch;
    }

    private Tensor start() {
        return Tensors.of(identity((int) rank()), rank() * rank());
    }

    private static double[] identity(int r) {
        double[] flat = new double[r * r];
        for (int i = 0; i < r; i++) {
            flat[i * r + i] = 1;
        }
        return flat;
    }

    private interface Map {
        Tensor of(Tensor moments);
    }

    private LinearOperator onMoments(Map map) {
        long r = rank();
        return new LinearOperator() {
            @Override
            public long size() {
                return r * r;
            }

            @Override
            public Tensor apply(Tensor v) {
                return map.of(v.reshape(r, r)).reshape(-1);
            }
        };
    }
}
