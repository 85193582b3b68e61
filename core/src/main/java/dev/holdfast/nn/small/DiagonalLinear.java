package dev.holdfast.nn.small;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * f(x) = sum_j a_j b_j x_j, a linear predictor w = a * b whose curvature knows how w is split. Pure; safe from any thread.
 *
 * <p>For E xx' = I and rows that are fitted, H has a block [[b^2, ab], [ab, a^2]] an entry, with the eigenvalues s_j = a_j^2 +
 * b_j^2 >= 2 |w_j| and 0. So tr H >= 2 |w|_1, |H|_F >= 2 |w|_2 and lambda_max >= 2 |w|_inf: SGD, which keeps the trace small,
 * prefers sparse predictors; gradient descent, which keeps lambda_max small, does not. Wu, Su, arXiv 2305.17490, section 4.
 *
 * @param a [d]
 * @param b [d]
 */
public record DiagonalLinear(Tensor a, Tensor b) {
    public DiagonalLinear {
        Tensors.requireShape("weights a", a, -1);
        Tensors.requireShape("weights b", b, a.size(0));
    }

    /** w [d]. */
    public Tensor predictor() {
        return a.mul(b);
    }

    /** Gradients of the outputs of rows x [n, d]: [n, 2 d], in the order a, b. */
    public Tensor gradients(Tensor x) {
        return Tensors.cat(1, x.mul(b), x.mul(a));
    }

    /** The eigenvalues of the population Hessian that are not 0: a_j^2 + b_j^2 [d]. */
    public Tensor curvatures() {
        return a.mul(a).add(b.mul(b));
    }

    /** The population Hessian [2 d, 2 d]. */
    public Tensor populationHessian() {
        Tensor ab = predictor().diag();
        return Tensors.cat(
                0,
                Tensors.cat(1, b.mul(b).diag(), ab),
                Tensors.cat(1, ab, a.mul(a).diag()));
    }

    /**
     * The same predictors written as w = u * u - v * v, with curvatures 4 (u_j^2 + v_j^2) >= 4 |w_j|.
     *
     * @param u [d]
     * @param v [d]
     */
    public record Squares(Tensor u, Tensor v) {
        public Squares {
            Tensors.requireShape("weights u", u, -1);
            Tensors.requireShape("weights v", v, u.size(0));
        }

        /** w [d]. */
        public Tensor predictor() {
            return u.mul(u).sub(v.mul(v));
        }

        /** Gradients of the outputs of rows x [n, d]: [n, 2 d], in the order u, v. */
        public Tensor gradients(Tensor x) {
            return Tensors.cat(1, x.mul(u).mul(Tensors.scalar(2)), x.mul(v).mul(Tensors.scalar(-2)));
        }

        /** The eigenvalues of the population Hessian that are not 0 [d]. */
        public Tensor curvatures() {
            return u.mul(u).add(v.mul(v)).mul(Tensors.scalar(4));
        }
    }
}
