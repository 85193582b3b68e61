package dev.holdfast.diagnose.curvature;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Both ends of the spectrum of a symmetric operator from products with it alone: the operator is seen through an
 * orthonormal basis of its Krylov space, where it is tridiagonal, and the eigenvalues of that small matrix (Ritz values)
 * approach the outermost eigenvalues first.
 *
 * <p>Each new direction is made orthogonal to all earlier ones, twice: without that, rounding brings found eigenvalues back
 * as ghosts. The basis is kept in float64 (8 steps d bytes), whatever the operator computes in. Immutable; safe from any
 * thread.
 *
 * <p>Lanczos 1950; Golub, Van Loan: <i>Matrix Computations</i>, chapter 10.
 *
 * @param steps products with the operator at most
 * @param tolerance stop once the largest Ritz value changes by less than this share of itself; 0 = never
 */
public record Lanczos(int steps, double tolerance) {
    /** A direction this much shorter than the operator's scale is rounding: the Krylov space is complete. */
    private static final double COMPLETE = 1e-12;

    public Lanczos {
        if (steps < 1 || !(tolerance >= 0)) {
            throw new IllegalArgumentException(
                    "Lanczos needs steps >= 1 and a tolerance >= 0 but has " + steps + " and " + tolerance + ".");
        }
    }

    /** 40 steps, or until the largest Ritz value changes by less than a thousandth. */
    public Lanczos() {
        this(40, 1e-3);
    }

    /**
     * What was found; Java numbers, but for the basis.
     *
     * @param alpha diagonal of the tridiagonal matrix [k]
     * @param beta next to the diagonal [k - 1]
     * @param ritz Ritz values, descending [k]
     * @param residuals |A v - ritz v| of each Ritz vector [k]: how far an eigenvalue can be from the Ritz value at most
     * @param basis orthonormal rows [k, d], float64
     * @param small eigenvectors of the tridiagonal matrix as columns [k, k], in the order of {@code ritz}
     */
    public record Result(double[] alpha, double[] beta, double[] ritz, double[] residuals, Tensor basis, Tensor small) {
        /** The largest Ritz value. */
        public double largest() {
            return ritz[0];
        }

        /** The smallest Ritz value. */
        public double smallest() {
            return ritz[ritz.length - 1];
        }

        /** Unit vector [d] of the i-th largest Ritz value, float64. */
        public Tensor vector(int i) {
            return small.select(1, i).matmul(basis);
        }
    }

    /**
     * From a start of the operator's dtype, which need not be a unit vector; an operator whose product is not finite is
     * refused by step.
     */
    public Result run(LinearOperator a, Tensor start) {
        Tensors.requireShape("start of Lanczos", start, a.size());
        Tensors.requireFinite("The start of Lanczos", start);
        int most = (int) Math.min(steps, a.size());
        double[] alpha = new double[most];
        double[] beta = new double[most];
        Tensor basis = Tensors.empty(ScalarType.Double, most, a.size());
        int k = 0;
        try (Scope all = Scope.open()) {
            Tensor first = start.to(ScalarType.Double);
            double length = Tensors.item(first.norm());
            if (length == 0) {
                throw new IllegalArgumentException("The start of Lanczos is 0; expected any other vector.");
            }
            basis.select(0, 0).copy_(first.div(Tensors.scalar(length)));
            double scale = 0;
            double top = Double.NaN;
            while (k < most) {
                try (Scope s = Scope.open()) {
                    Tensor w =
                            a.apply(basis.select(0, k).to(start.scalar_type())).to(ScalarType.Double);
                    if (!Tensors.finite(w)) {
                        throw new IllegalArgumentException("The operator gave no finite product in step " + (k + 1)
                                + " of Lanczos.\nMaybe the loss is not finite where its curvature is asked for.");
                    }
                    alpha[k] = Tensors.item(w.dot(basis.select(0, k)));
                    Tensor known = Tensors.slice(basis, 0, k + 1);
                    for (int twice = 0; twice < 2; twice++) {
                        w = w.sub(known.matmul(w).matmul(known));
                    }
                    beta[k] = Tensors.item(w.norm());
                    scale = Math.max(scale, Math.abs(alpha[k]) + beta[k]);
                    k++;
                    if (beta[k - 1] <= COMPLETE * scale) {
                        beta[k - 1] = 0;
                        break;
                    }
                    if (tolerance > 0) {
                        double now = Tensors.item(eigen(alpha, beta, k).values().max());
                        if (Math.abs(now - top) <= tolerance * Math.abs(now)) {
                            break;
                        }
                        top = now;
                    }
                    if (k < most) {
                        basis.select(0, k).copy_(w.div(Tensors.scalar(beta[k - 1])));
                    }
                }
            }
        }
        LinearAlgebra.Eigen e = eigen(alpha, beta, k);
        Tensor small = e.vectors().flip(1);
        double[] last = Tensors.doubles(small.select(0, k - 1));
        double rest = beta[k - 1];
        return new Result(
                Arrays.copyOf(alpha, k),
                Arrays.copyOf(beta, k - 1),
                Tensors.doubles(e.values().flip(0)),
                Arrays.stream(last).map(v -> Math.abs(v * rest)).toArray(),
                Tensors.slice(basis, 0, k),
                small);
    }

    private static LinearAlgebra.Eigen eigen(double[] alpha, double[] beta, int k) {
        double[][] t = new double[k][k];
        for (int i = 0; i < k; i++) {
            t[i][i] = alpha[i];
            if (i + 1 < k) {
                t[i][i + 1] = beta[i];
                t[i + 1][i] = beta[i];
            }
        }
        return LinearAlgebra.eigh(Tensors.of(t));
    }
}
