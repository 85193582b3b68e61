package dev.holdfast.tensor.linalg;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Ridge regression in float64: the minimum of {@code ||Y - H W||_F^2 + gamma ||W||_F^2}. Pure functions; safe from any
 * thread.
 */
public final class Ridge {
    private Ridge() {}

    /**
     * W [M, C] by Cholesky of the smaller of {@code H'H + gamma I} and {@code HH' + gamma I}.
     *
     * @param h rows [n, M], any floating dtype, finite
     * @param y targets [n, C]
     * @param gamma > 0
     */
    public static Tensor fit(Tensor h, Tensor y, double gamma) {
        requireGamma(gamma);
        Tensors.requireShape("rows of a ridge regression", h, -1, -1);
        Tensors.requireShape("targets of a ridge regression", y, h.size(0), -1);
        Tensors.requireFinite("rows of a ridge regression", h);
        Tensors.requireFinite("targets of a ridge regression", y);
        try (Scope s = Scope.open()) {
            Tensor x = h.detach().to(ScalarType.Double);
            Tensor t = y.detach().to(ScalarType.Double);
            boolean dual = x.size(0) < x.size(1);
            Tensor gram = dual ? x.mm(x.t()) : x.t().mm(x);
            gram.diagonal().add_(Tensors.scalar(gamma));
            Tensor factor = LinearAlgebra.cholesky("H'H + gamma I", gram, advice(gamma));
            Tensor w = dual
                    ? x.t().mm(LinearAlgebra.choleskySolve(t, factor))
                    : LinearAlgebra.choleskySolve(x.t().mm(t), factor);
            return s.keep(w);
        }
    }

    /** Identity of {@code like}'s dtype and device. */
    static Tensor identity(long n, Tensor like) {
        return torch.diag(Tensors.emptyLike(like, n).fill_(Tensors.scalar(1)));
    }

    static void requireGamma(double gamma) {
        if (!(gamma > 0) || Double.isInfinite(gamma)) {
            throw new IllegalArgumentException("The ridge strength gamma must be finite and > 0 but is " + gamma + ".");
        }
    }

    static String advice(double gamma) {
        return "Maybe gamma, now " + gamma + ", must be larger.";
    }
}
