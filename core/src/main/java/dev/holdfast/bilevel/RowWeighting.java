package dev.holdfast.bilevel;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Data hyper-cleaning in closed form: softmax regression W [C, d] on rows whose weights are {@code sigmoid(lambda)},
 * {@code g = mean_i sigmoid(lambda_i) CE_i(W) + ridge |W|²/2}, judged by the mean cross entropy f on trusted rows. No
 * graph is built: gradients, products with the curvature and the derivative of every row's weight are matrix products.
 *
 * <p>Franceschi et al., arXiv 1703.01785; the task of arXiv 2401.09587. Reads the tensors it was given; safe from any
 * thread.
 */
public final class RowWeighting {
    /** Newton steps at most; each is halved until the loss falls. */
    private static final int NEWTON = 100;

    private static final int HALVINGS = 30;

    private final Tensor x;
    private final Tensor y;
    private final Tensor trustedX;
    private final Tensor trustedY;
    private final double ridge;

    /**
     * Tensors made here are in the caller's scope.
     *
     * @param x rows [n, d]
     * @param labels column of each row, perhaps wrong
     * @param trustedX rows [m, d] of the same dtype
     * @param trustedLabels column of each, right
     * @param ridge > 0
     */
    public RowWeighting(Tensor x, int[] labels, Tensor trustedX, int[] trustedLabels, int classes, double ridge) {
        if (!(ridge > 0) || Double.isInfinite(ridge)) {
            throw new IllegalArgumentException(
                    "ridge must be finite and > 0 but is " + ridge + "; without it there is no single best network.");
        }
        if (labels.length == 0 || trustedLabels.length == 0 || classes < 2) {
            throw new IllegalArgumentException("Weighting rows needs rows, trusted rows and two classes but has "
                    + labels.length + ", " + trustedLabels.length + " and " + classes + ".");
        }
        Tensors.requireShape("rows", x, labels.length, x.size(1));
        Tensors.requireShape("trusted rows", trustedX, trustedLabels.length, x.size(1));
        Tensors.requireFinite("Rows", x);
        Tensors.requireFinite("Trusted rows", trustedX);
        this.x = x;
        this.y = Tensors.oneHot(labels, classes, x);
        this.trustedX = trustedX;
        this.trustedY = Tensors.oneHot(trustedLabels, classes, x);
        this.ridge = ridge;
    }

    /**
     * What the hypergradient is made of.
     *
     * @param lambda its entries [n]
     * @param v inverse curvature times the gradient of f [C d], flat
     */
    public record Gradient(Tensor lambda, Tensor v) {}

    /** Class probabilities of the noisy rows [n, C]. */
    public Tensor probabilities(Tensor w) {
        return x.matmul(w.t()).softmax(1);
    }

    /** Mean cross entropy on the trusted rows. */
    public double trustedLoss(Tensor w) {
        try (Scope s = Scope.open()) {
            return -Tensors.item(
                            trustedX.matmul(w.t()).log_softmax(1).mul(trustedY).sum())
                    / trustedX.size(0);
        }
    }

    /** g at W and lambda [n]. */
    public double lowerLoss(Tensor lambda, Tensor w) {
        try (Scope s = Scope.open()) {
            Tensor ce = x.matmul(w.t()).log_softmax(1).mul(y).sum(1).neg();
            return Tensors.item(ce.dot(lambda.sigmoid())) / x.size(0)
                    + 0.5 * ridge * Tensors.item(w.mul(w).sum());
        }
    }

    /** The gradient of g over W [C, d]. */
    public Tensor lowerGradient(Tensor lambda, Tensor w) {
        return weighted(lambda, probabilities(w).sub_(y)).add_(w, Tensors.scalar(ridge));
    }

    private Tensor weighted(Tensor lambda, Tensor perRow) {
        return perRow.mul(lambda.sigmoid().unsqueeze(1)).t().matmul(x).div_(Tensors.scalar(x.size(0)));
    }

    /** Products with the second derivative of g over W, flat [C d]. */
    public LinearOperator curvature(Tensor lambda, Tensor w) {
        Tensor p = probabilities(w);
        return new LinearOperator() {
            @Override
            public long size() {
                return w.numel();
            }

            @Override
            public Tensor apply(Tensor v) {
                try (Scope s = Scope.open()) {
                    Tensor direction = v.reshape(w.shape());
                    Tensor u = x.matmul(direction.t());
                    Tensor pu = p.mul(u);
                    Tensor perRow = pu.sub(p.mul(pu.sum(1).unsqueeze(1)));
                    return s.keep(weighted(lambda, perRow)
                            .add_(direction, Tensors.scalar(ridge))
                            .reshape(-1));
                }
            }
        };
    }

    /**
     * One Newton step on g by conjugate gradients, halved until the loss falls; {@code w} itself where it does not.
     *
     * @param w [C, d], not changed
     */
    public Tensor newton(Tensor lambda, Tensor w, InverseHvp solver) {
        try (Scope s = Scope.open()) {
            double before = lowerLoss(lambda, w);
            Tensor step = solver.solve(
                            curvature(lambda, w), lowerGradient(lambda, w).reshape(-1), null)
                    .reshape(w.shape());
            double share = 1;
            for (int k = 0; k < HALVINGS; k++, share /= 2) {
                Tensor next = w.sub(step, Tensors.scalar(share));
                if (lowerLoss(lambda, next) < before) {
                    return s.keep(next);
                }
            }
            return w;
        }
    }

    /** The W [C, d] that minimises g, by Newton steps until the gradient is shorter than {@code tolerance}. */
    public Tensor minimum(Tensor lambda, Tensor start, double tolerance) {
        InverseHvp solver = new InverseHvp.ConjugateGradient(0, 10_000, 0);
        Tensor w = start;
        for (int k = 0; k < NEWTON; k++) {
            Tensor next = newton(lambda, w, solver);
            if (next == w || Tensors.item(lowerGradient(lambda, next).norm()) < tolerance) {
                return next;
            }
            w = next;
        }
        return w;
    }

    /**
     * {@code -(1/n) sigmoid'(lambda_i) <dCE_i/dW, v>} for every row, exact where W minimises g.
     *
     * @param start where the solver begins, or null
     */
    public Gradient hypergradient(Tensor lambda, Tensor w, InverseHvp solver, Tensor start) {
        try (Scope s = Scope.open()) {
            Tensor up = trustedX.matmul(w.t())
                    .softmax(1)
                    .sub_(trustedY)
                    .t()
                    .matmul(trustedX)
                    .div_(Tensors.scalar(trustedX.size(0)))
                    .reshape(-1);
            Tensor v = solver.solve(curvature(lambda, w), up, start);
            Tensor slope = lambda.sigmoid().mul(lambda.neg().sigmoid());
            Tensor inner = probabilities(w)
                    .sub_(y)
                    .mul(x.matmul(v.reshape(w.shape()).t()))
                    .sum(1);
            return new Gradient(s.keep(inner.mul(slope).div(Tensors.scalar(-x.size(0)))), s.keep(v));
        }
    }
}
