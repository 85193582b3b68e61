package dev.holdfast.bilevel;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Solves {@code H v = b} for the curvature H of a lower problem, from products with H alone. Immutable; safe from any
 * thread.
 */
public sealed interface InverseHvp {
    /**
     * The solution, or a step towards it, [d] in the caller's scope.
     *
     * @param h symmetric and positive definite
     * @param b right side [d]
     * @param start where {@link ZStep} and {@link ConjugateGradient} begin [d], or null for zeros
     */
    Tensor solve(LinearOperator h, Tensor b, Tensor start);

    /** Whether every product may come from a fresh batch; the others need one and the same operator. */
    default boolean stochastic() {
        return false;
    }

    /**
     * The truncated Neumann series {@code (1/ell) sum_q (I - H/ell)^q b}, q = 0 .. terms - 1. With curvature between mu and
     * ell it is off by at most {@code (1 - mu/ell)^terms / mu |b|}.
     *
     * @param terms at least 1: as many terms, one product less
     * @param ell upper bound of the curvature; 0 lets {@link BoRep} estimate it
     */
    record Neumann(int terms, double ell) implements InverseHvp {
        /** Batches differ a little; beyond this growth the series diverges. */
        private static final double GROWTH = 1.01;

        public Neumann {
            if (terms < 1 || !(ell >= 0) || Double.isInfinite(ell)) {
                throw new IllegalArgumentException("A Neumann series needs terms >= 1 and a finite ell >= 0 (0 ="
                        + " estimated) but has " + terms + " and " + ell + ".");
            }
        }

        @Override
        public boolean stochastic() {
            return true;
        }

        @Override
        public Tensor solve(LinearOperator h, Tensor b, Tensor start) {
            if (ell == 0) {
                throw new IllegalArgumentException(
                        "A Neumann series needs ell, an upper bound of the curvature, but it is 0.\nMaybe take the"
                                + " largest Ritz value of Lanczos, times 1.1.");
            }
            Tensor p = b.clone();
            Tensor sum = b.clone();
            double limit = GROWTH * norm(b);
            for (int q = 1; q < terms; q++) {
                try (Scope s = Scope.open()) {
                    p.sub_(h.apply(p), Tensors.scalar(1 / ell));
                    sum.add_(p);
                    double now = norm(p);
                    // not "now > limit": NaN must end here, too
                    if (!(now <= limit)) {
                        throw new IllegalStateException("The Neumann series diverges: after " + q
                                + " products its term has grown from " + norm(b) + " to " + now
                                + ".\nMaybe the curvature exceeds ell = " + ell + ", or is negative.");
                    }
                }
            }
            return sum.div_(Tensors.scalar(ell));
        }
    }

    /**
     * Conjugate gradients on {@code H + damping I}.
     *
     * @param tolerance stop at this length of the residual, relative to b; 0 = after as many steps as b is long, or rounding
     * @param steps products at most
     * @param damping added to the curvature, >= 0
     */
    record ConjugateGradient(double tolerance, int steps, double damping) implements InverseHvp {
        private static final double ROUNDING = 1e-15;

        public ConjugateGradient {
            if (!(tolerance >= 0) || steps < 1 || !(damping >= 0)) {
                throw new IllegalArgumentException(
                        "Conjugate gradients need tolerance >= 0, steps >= 1 and damping >= 0 but have " + tolerance
                                + ", " + steps + " and " + damping + ".");
            }
        }

        @Override
        public Tensor solve(LinearOperator h, Tensor b, Tensor start) {
            Tensor x = start == null ? Tensors.zerosLike(b, b.size(0)) : start.clone();
            double enough = Math.max(tolerance, ROUNDING) * norm(b);
            try (Scope s = Scope.open()) {
                Tensor r = start == null ? b.clone() : b.sub(damped(h, x));
                Tensor p = r.clone();
                double rr = Tensors.item(r.dot(r));
                for (int k = 0; k < steps && Math.sqrt(rr) > enough; k++) {
                    try (Scope step = Scope.open()) {
                        Tensor hp = damped(h, p);
                        double curvature = Tensors.item(p.dot(hp));
                        if (!(curvature > 0)) {
                            throw new IllegalStateException("Conjugate gradients met the curvature " + curvature
                                    + " in step " + (k + 1) + "; expected a number > 0.\nMaybe the lower loss needs"
                                    + " weight decay, or the solver damping.");
                        }
                        double a = rr / curvature;
                        x.add_(p, Tensors.scalar(a));
                        r.sub_(hp, Tensors.scalar(a));
                        double next = Tensors.item(r.dot(r));
                        p.mul_(Tensors.scalar(next / rr)).add_(r);
                        rr = next;
                    }
                }
            }
            return x;
        }

        private Tensor damped(LinearOperator h, Tensor v) {
            return damping == 0 ? h.apply(v) : h.apply(v).add(v, Tensors.scalar(damping));
        }
    }

    /**
     * One gradient step {@code z - rate (H z - b)} on the linear system, whose solution is followed from outer step to outer
     * step.
     *
     * @param rate less than 2 / the largest curvature
     */
    record ZStep(double rate) implements InverseHvp {
        public ZStep {
            if (!(rate > 0) || Double.isInfinite(rate)) {
                throw new IllegalArgumentException("A z-step needs a finite rate > 0 but has " + rate + ".");
            }
        }

        @Override
        public Tensor solve(LinearOperator h, Tensor b, Tensor start) {
            Tensor z = start == null ? Tensors.zerosLike(b, b.size(0)) : start;
            return z.sub(h.apply(z).sub(b), Tensors.scalar(rate));
        }
    }

    /** Builds H column by column and solves: d products and d² numbers, for small d and for tests. */
    record Exact() implements InverseHvp {
        @Override
        public Tensor solve(LinearOperator h, Tensor b, Tensor start) {
            int d = Math.toIntExact(h.size());
            Tensor dense = Tensors.emptyLike(b, d, d);
            for (int i = 0; i < d; i++) {
                try (Scope s = Scope.open()) {
                    Tensor unit = Tensors.zerosLike(b, d);
                    unit.select(0, i).fill_(Tensors.scalar(1));
                    dense.select(0, i).copy_(h.apply(unit));
                }
            }
            return torch.linalg_solve(dense, b);
        }
    }

    private static double norm(Tensor t) {
        return Tensors.item(t.norm());
    }
}
