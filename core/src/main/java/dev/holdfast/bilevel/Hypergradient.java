package dev.holdfast.bilevel;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;

/**
 * The gradient of {@code f(x, y*(x))} by implicit differentiation, {@code h = df/dx - d²g/dxdy v} with {@code v} the
 * solution of {@code d²g/dy² v = df/dy}, at the present x and y: exact where y minimises g. Ghadimi and Wang, arXiv
 * 1802.02246.
 *
 * @param h the hypergradient; null for a leaf that neither loss reaches
 * @param v the inverse curvature times df/dy [d], flat over the lower leaves
 * @param lowerGradientNorm length of dg/dy on the batch of the cross product: how far y is from its minimum
 * @param products products with the curvature of g and with its cross derivative
 */
public record Hypergradient(ParamVector h, Tensor v, double lowerGradientNorm, long products) {

    /**
     * Tensors of the result are in the caller's scope.
     *
     * @param upper batch of f
     * @param curvature batch of g for the q-th product; 0 is also the one of the cross product, and the only one unless
     *     the solver is {@linkplain InverseHvp#stochastic stochastic}
     * @param start where the solver begins [d], or null
     */
    public static <B> Hypergradient of(
            BilevelProblem<B> p, B upper, IntFunction<B> curvature, InverseHvp solver, Tensor start) {
        Parameters x = p.upper();
        Parameters y = p.lower();
        try (Scope all = Scope.open();
                var mode = Autograd.withGrad()) {
            Tensor f = p.upperLoss(upper);
            ParamVector fx = Autograd.grad(f, x, false, true);
            Tensor fy = Autograd.grad(f, y, false, false).flat();
            Tensor g = p.lowerLoss(curvature.apply(0));
            ParamVector gy = Autograd.grad(g, y, true);
            Curvature<B> operator = new Curvature<>(p, curvature, solver.stochastic());
            double fyNorm = Tensors.item(fy.norm());
            // y does not matter to f: no system to solve, though a z-step forgets what it held
            boolean still = fyNorm == 0 && !(solver instanceof InverseHvp.ZStep);
            Tensor v = still ? Tensors.zerosLike(fy, y.count()) : solver.solve(operator, fy, start);
            ParamVector cross = cross(x, gy, ParamVector.unflat(y, v));
            if (reachesNothing(fx) && reachesNothing(cross)) {
                throw new IllegalArgumentException(
                        "Neither the upper nor the lower loss depends on the upper variables "
                                + x.meta().stream().map(m -> m.name()).toList()
                                + ", so there is nothing to tune.\nMaybe a loss reads copies of the leaves.");
            }
            ParamVector h = fx.plus(-1, cross).map((m, t) -> all.keep(t));
            return new Hypergradient(h, all.keep(v), gy.norm(), operator.products + 1);
        }
    }

    /** The gradient over x of {@code <dg/dy, v>}, v held fixed. */
    private static ParamVector cross(Parameters x, ParamVector gy, ParamVector v) {
        Tensor inner = null;
        for (int i = 0; i < gy.size(); i++) {
            if (gy.get(i) != null && gy.get(i).requires_grad()) {
                Tensor term = gy.get(i).mul(v.get(i).detach()).sum();
                inner = inner == null ? term : inner.add(term);
            }
        }
        return inner == null ? new ParamVector(x, new Tensor[x.size()]) : Autograd.grad(inner, x, false, true);
    }

    private static boolean reachesNothing(ParamVector v) {
        for (int i = 0; i < v.size(); i++) {
            if (v.get(i) != null) {
                return false;
            }
        }
        return true;
    }

    /** The curvature of g over y; each product on a fresh batch, or all on the first. Counts products. */
    static final class Curvature<B> implements LinearOperator {
        private final BilevelProblem<B> problem;
        private final IntFunction<B> batches;
        private final boolean fresh;
        long products;

        Curvature(BilevelProblem<B> problem, IntFunction<B> batches, boolean fresh) {
            this.problem = problem;
            this.batches = batches;
            this.fresh = fresh;
        }

        @Override
        public long size() {
            return problem.lower().count();
        }

        @Override
        public Tensor apply(Tensor v) {
            Parameters y = problem.lower();
            try (Scope s = Scope.open();
                    var mode = Autograd.withGrad()) {
                Tensor loss = problem.lowerLoss(batches.apply(fresh ? (int) products : 0));
                products++;
                return s.keep(
                        Autograd.hvp(loss, y, ParamVector.unflat(y, v)).flat().detach());
            }
        }
    }
}
