package dev.holdfast.estimate;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One linear support vector machine a class, one against the rest, in float64: the unique minimum over (w, b) of 1/2
 * (||w||^2 + b^2) + C sum_i max(0, 1 - y_i (w.x_i + b))^2. The intercept is the weight of a constant feature 1 and is
 * regularised with the rest, as in liblinear's primal solver (Fan et al., JMLR 2008).
 *
 * <p>Newton's method with line search, all classes at once. The generalised Hessian I + 2C X_I' X_I of the rows I inside
 * the margin is formed and factored for narrow features, and only multiplied (conjugate gradients) for wide ones. Rows
 * arrive in blocks that are asked for again in every pass, so they need not exist all at once.
 */
public final class LinearSvm {
    /** Above this width Hessians are not formed: forming costs rows * width^2 a class. */
    private static final int DIRECT_WIDTH = 200;

    private static final int MAX_NEWTON = 100;
    private static final int MAX_CONJUGATE = 250;
    private static final int MAX_HALVINGS = 40;

    /**
     * @param c C > 0
     * @param tolerance largest entry of the gradient at the end, relative to that at zero weights
     */
    public record Config(double c, double tolerance) {
        public Config {
            if (!(c > 0) || !(tolerance > 0)) {
                throw new IllegalArgumentException("A support vector machine needs C > 0 and tolerance > 0 but has " + c
                        + " and " + tolerance + ".");
            }
        }
    }

    /** Rows x [n, D] of float64 and the column of each. */
    public record Block(Tensor x, int[] columns) {}

    /** weight [C, D], bias [C], and how the search ended. */
    public record Fit(Tensor weight, Tensor bias, int iterations, double gradientMax) {}

    private final Config config;
    private final Supplier<Iterable<Block>> rows;
    private final int columns;
    private final int width;

    /** @param rows gives the same blocks in the same order whenever it is asked */
    public LinearSvm(Config config, Supplier<Iterable<Block>> rows, int columns, int width) {
        this.config = config;
        this.rows = rows;
        this.columns = columns;
        this.width = width;
    }

    /** All rows in one block. */
    public static Fit fit(Config config, Tensor x, int[] column, int columns) {
        return new LinearSvm(config, () -> List.of(new Block(x, column)), columns, (int) x.size(1)).fit(null);
    }

    /** From {@code start} [C, D+1] (weights, then bias), or from zero. */
    public Fit fit(Tensor start) {
        Tensor w = start == null ? Tensors.zeros(ScalarType.Double, columns, width + 1) : start.clone();
        double scale;
        try (Scope s = Scope.open()) {
            Tensor zero = Tensors.zeros(ScalarType.Double, columns, width + 1);
            scale = Math.max(1, at(zero, null).gradient.abs().max().item_double());
        }
        int iteration = 0;
        double gradientMax = Double.POSITIVE_INFINITY;
        for (; iteration < MAX_NEWTON; iteration++) {
            try (Scope s = Scope.open()) {
                List<Tensor> inside = new ArrayList<>();
                Point p = at(w, inside);
                gradientMax = p.gradient.abs().max().item_double();
                if (gradientMax <= config.tolerance * scale) {
                    break;
                }
                Tensor direction = width < DIRECT_WIDTH ? newton(p.gradient, inside) : conjugate(p.gradient, inside);
                w.copy_(search(w, direction, p));
            }
        }
        return new Fit(weight(w).contiguous(), bias(w).contiguous(), iteration, gradientMax);
    }

    private Tensor weight(Tensor w) {
        return Tensors.slice(w, 1, 0, width);
    }

    private Tensor bias(Tensor w) {
        return w.select(1, width);
    }

    /** Value [C] and gradient [C, D+1] of every class's objective. */
    private record Point(Tensor value, Tensor gradient) {}

    /** @param inside if given, gets for each block 1 where a row is inside a class's margin [n, C] */
    private Point at(Tensor w, List<Tensor> inside) {
        Tensor value = w.mul(w).sum(1).mul_(Tensors.scalar(0.5));
        Tensor gradient = w.clone();
        for (Block b : rows.get()) {
            try (Scope s = Scope.open()) {
                Tensor sign = signs(b);
                // max(0, 1 - y (w.x + b))
                Tensor slack = b.x.matmul(weight(w).t())
                        .add_(bias(w))
                        .mul_(sign)
                        .neg_()
                        .add_(Tensors.scalar(1))
                        .clamp_min_(Tensors.scalar(0));
                value.add_(slack.mul(slack).sum(0), Tensors.scalar(config.c));
                addProducts(gradient, slack.mul(sign), b.x, -2 * config.c);
                if (inside != null) {
                    inside.add(s.keep(slack.gt(Tensors.scalar(0)).to(ScalarType.Double)));
                }
            }
        }
        return new Point(value, gradient);
    }

    /** into += factor * left' [x, 1]: left [n, C], x [n, D], into [C, D+1]. */
    private void addProducts(Tensor into, Tensor left, Tensor x, double factor) {
        weight(into).add_(left.t().matmul(x), Tensors.scalar(factor));
        bias(into).add_(left.sum(0), Tensors.scalar(factor));
    }

    /** Solves (I + 2C X_I' X_I) d = -g for each class by Cholesky. */
    private Tensor newton(Tensor g, List<Tensor> inside) {
        Tensor hessian = torch.eye(width + 1).to(ScalarType.Double).repeat(columns, 1, 1);
        int block = 0;
        for (Block b : rows.get()) {
            try (Scope s = Scope.open()) {
                Tensor x = Tensors.cat(
                        1, b.x, Tensors.emptyLike(b.x, b.x.size(0), 1).fill_(Tensors.scalar(1)));
                Tensor in = inside.get(block++);
                for (int c = 0; c < columns; c++) {
                    Tensor xc = x.mul(in.select(1, c).unsqueeze(1));
                    hessian.select(0, c).addmm_(xc.t(), x, Tensors.scalar(1), Tensors.scalar(2 * config.c));
                }
            }
        }
        return torch.cholesky_solve(g.neg().unsqueeze(2), torch.linalg_cholesky(hessian), false)
                .squeeze(2);
    }

    /** The same system by conjugate gradients, all classes in step; a class that has converged stands still. */
    private Tensor conjugate(Tensor g, List<Tensor> inside) {
        Tensor d = Tensors.zeros(ScalarType.Double, columns, width + 1);
        Tensor r = g.neg();
        Tensor p = r.clone();
        Tensor rr = r.mul(r).sum(1);
        // inexact steps are enough far from the minimum (Eisenstat, Walker 1996)
        Tensor stop = rr.mul(rr.sqrt().clamp_max(Tensors.scalar(0.1)).square());
        for (int i = 0; i < MAX_CONJUGATE; i++) {
            try (Scope s = Scope.open()) {
                Tensor open = rr.gt(stop).to(ScalarType.Double);
                if (open.sum().item_double() == 0) {
                    break;
                }
                Tensor hp = hessianTimes(p, inside);
                Tensor alpha = rr.div(p.mul(hp).sum(1).clamp_min(Tensors.scalar(1e-300)))
                        .mul_(open);
                d.add_(p.mul(alpha.unsqueeze(1)));
                r.sub_(hp.mul(alpha.unsqueeze(1)));
                Tensor next = r.mul(r).sum(1);
                Tensor beta = next.div(rr.clamp_min(Tensors.scalar(1e-300)));
                p.copy_(r.add(p.mul(beta.unsqueeze(1))));
                rr.copy_(next);
            }
        }
        return d;
    }

    private Tensor hessianTimes(Tensor v, List<Tensor> inside) {
        Tensor h = v.clone();
        int block = 0;
        for (Block b : rows.get()) {
            try (Scope s = Scope.open()) {
                Tensor along = b.x.matmul(weight(v).t()).add_(bias(v)).mul_(inside.get(block++));
                addProducts(h, along, b.x, 2 * config.c);
            }
        }
        return h;
    }

    /** Halves the step of every class whose objective did not fall enough (Armijo). */
    private Tensor search(Tensor w, Tensor direction, Point p) {
        Tensor slope = p.gradient.mul(direction).sum(1);
        Tensor step = Tensors.zeros(ScalarType.Double, columns).add_(Tensors.scalar(1));
        for (int halving = 0; halving < MAX_HALVINGS; halving++) {
            Tensor trial = w.add(direction.mul(step.unsqueeze(1)));
            Tensor bound = p.value.add(slope.mul(step).mul_(Tensors.scalar(1e-4)));
            // at the minimum the values agree to rounding; a step must not be refused for that
            Tensor rounding = p.value.abs().mul_(Tensors.scalar(1e-14));
            Tensor bad = at(trial, null).value.gt(bound.add_(rounding)).to(ScalarType.Double);
            if (bad.sum().item_double() == 0) {
                return trial;
            }
            step = step.mul(bad.mul_(Tensors.scalar(-0.5)).add_(Tensors.scalar(1)));
        }
        return w.add(direction.mul(step.unsqueeze(1)));
    }

    /** +1 in a row's own column, -1 elsewhere [n, C]. */
    private Tensor signs(Block b) {
        return Tensors.oneHot(b.columns, columns, b.x).mul_(Tensors.scalar(2)).sub_(Tensors.scalar(1));
    }
}
