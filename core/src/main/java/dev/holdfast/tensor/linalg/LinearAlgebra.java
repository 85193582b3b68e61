package dev.holdfast.tensor.linalg;

import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.StringViewOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Factorisations with their arguments checked: shapes, finite numbers, symmetry, definiteness. Results belong to the
 * caller's scope and keep the argument's dtype. Pure functions; safe from any thread.
 */
public final class LinearAlgebra {
    private LinearAlgebra() {}

    /** {@code a = u diag(s) v'} with u [n, k], s [k] descending, v [m, k], k = min(n, m). */
    public record Svd(Tensor u, Tensor s, Tensor v) {}

    /** Eigenvalues [n] ascending and the eigenvectors as columns [n, n]. */
    public record Eigen(Tensor values, Tensor vectors) {}

    /** Thin singular value decomposition of a matrix [n, m]. */
    public static Svd svd(Tensor a) {
        requireMatrix("matrix to decompose", a);
        T_TensorTensorTensor_T r = torch.linalg_svd(a, false, new StringViewOptional());
        // own handles: the parts die with the tuple
        return new Svd(new Tensor(r.get0()), new Tensor(r.get1()), r.get2().t());
    }

    /** Eigenvalues and eigenvectors of a symmetric matrix [n, n]. */
    public static Eigen eigh(Tensor a) {
        requireSymmetric("matrix to decompose", a);
        T_TensorTensor_T r = torch.linalg_eigh(a);
        return new Eigen(new Tensor(r.get0()), new Tensor(r.get1()));
    }

    /** Pseudo-inverse [m, n]; singular values up to {@code relative} times the largest count as zero. */
    public static Tensor pinv(Tensor a, double relative) {
        requireMatrix("matrix to invert", a);
        if (!(relative >= 0)) {
            throw new IllegalArgumentException(
                    "The relative cut of a pseudo-inverse must be >= 0 but is " + relative + ".");
        }
        return torch.linalg_pinv(a, relative, false);
    }

    /** Orthonormal columns that span the columns of a [n, k], k <= n, in their order. */
    public static Tensor orthonormal(Tensor a) {
        requireMatrix("columns to orthonormalise", a);
        T_TensorTensor_T qr = torch.linalg_qr(a);
        // signs as in the given columns
        return qr.get0().mul(qr.get1().diag().sgn());
    }

    /**
     * Lower triangular L with {@code L L' = a}.
     *
     * @param advice what the caller of a failing factorisation should do
     */
    public static Tensor cholesky(String what, Tensor a, String advice) {
        requireMatrix(what, a);
        if (a.size(0) != a.size(1)) {
            throw new IllegalArgumentException(
                    what + " has shape " + Arrays.toString(a.shape()) + "; expected a square.");
        }
        T_TensorTensor_T r = torch.linalg_cholesky_ex(a, false, false);
        long info = Tensors.longs(r.get1())[0];
        if (info != 0) {
            throw new IllegalArgumentException(
                    what + " is not positive definite: its leading minor " + info + " is not.\n" + advice);
        }
        return new Tensor(r.get0());
    }

    /** Lower triangular L with {@code L L' = a}; nothing where the symmetric a is not positive definite. */
    public static Optional<Tensor> choleskyIfPositive(Tensor a) {
        T_TensorTensor_T r = torch.linalg_cholesky_ex(a, false, false);
        return Tensors.longs(r.get1())[0] == 0 ? Optional.of(new Tensor(r.get0())) : Optional.empty();
    }

    /** Solution x of {@code L L' x = b} for a Cholesky factor L [n, n] and b [n, k]. */
    public static Tensor choleskySolve(Tensor b, Tensor factor) {
        Tensors.requireShape("right-hand side", b, factor.size(0), -1);
        return b.cholesky_solve(factor, false);
    }

    /** Refuses what is not square, finite and symmetric to 1e-8 (float64) or 1e-4 of its largest entry. */
    public static void requireSymmetric(String what, Tensor a) {
        requireMatrix(what, a);
        if (a.size(0) != a.size(1)) {
            throw new IllegalArgumentException(
                    what + " has shape " + Arrays.toString(a.shape()) + "; expected a square.");
        }
        if (a.numel() == 0) {
            return;
        }
        double off = a.detach().sub(a.detach().t()).abs().max().item_double();
        double scale = a.detach().abs().max().item_double();
        double tolerance = a.scalar_type().intern() == torch.ScalarType.Double ? 1e-8 : 1e-4;
        if (off > tolerance * scale) {
            throw new IllegalArgumentException(what + " is not symmetric: entries differ from their mirror by up to "
                    + off + ", the largest entry is " + scale + ".");
        }
    }

    private static void requireMatrix(String what, Tensor a) {
        Tensors.requireShape(what, a, -1, -1);
        Tensors.requireFinite(what, a);
    }
}
