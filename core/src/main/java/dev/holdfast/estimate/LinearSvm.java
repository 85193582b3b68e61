package dev.holdfast.estimate;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

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
        Tensor w = start == null
                ? Tensors.zeros(org.bytedeco.pytorch.global.torch.ScalarType.Double, columns, width + 1)
                : start.clone();
        double scale;
        try (Scope s = Scope.open()) {
            scale = Math.max(
                    1, at(w.mul(Tensors.scalar(0))).gradient.abs().max().item_double());
        }
        int iteration = 0;
        double gradientMax = Double.POSITIVE_INFINITY;
        for (; iteration < MAX_NEWTON; iteration++) {
            try (Scope s = Scope.open()) {
                Point p = at(w);
                gradientMax = p.gradient.abs().max().item_double();
                if (gradientMax <= config.tolerance * scale) {
                    break;
                }
                Tensor direction = width < DIRECT_WIDTH ? newton(w, p.gradient) : conjugate(w, p.gradient);
                w.copy_(search(w, direction, p));
            }
        }
        return new Fit(
                Tensors.slice(w, 1, 0, width).contiguous(), w.select(1, width).contiguous(), iteration, gradientMax);
    }

    /** Value [C] and gradient [C, D+1] of every class's objective. */
    private record Point(Tensor value, Tensor gradient) {}

    private Point at(Tensor w) {
        Tensor value = w.mul(w).sum(1).mul_(Tensors.scalar(0.5));
        Tensor gradient = w.clone();
        for (Block b : rows.get()) {
            try (Scope s = Scope.open()) {
                Tensor x = augmented(b.x);
                Tensor slack = slack(x, b, w);
                value.add_(slack.mul(slack).sum(0), Tensors.scalar(config.c));
                gradient.sub_(slack.mul(signs(b)).t().matmul(x), Tensors.scalar(2 * config.c));
            }
        }
        return new Point(value, gradient);
    }

    /** Solves (I + 2C X_I' X_I) d = -g for each class by Cholesky. */
    private Tensor newton(Tensor w, Tensor g) {
        Tensor hessian = torch.eye(width + 1).to(w.scalar_type()).repeat(columns, 1, 1);
        for (Block b : rows.get()) {
            try (Scope s = Scope.open()) {
                Tensor x = augmented(b.x);
                Tensor inside = slack(x, b, w).gt(Tensors.scalar(0)).to(w.scalar_type());
                for (int c = 0; c < columns; c++) {
                    Tensor xc = x.mul(inside.select(1, c).unsqueeze(1));
                    hessian.select(0, c).addmm_(xc.t(), x, Tensors.scalar(1), Tensors.scalar(2 * config.c));
                }
            }
        }
        return torch.cholesky_solve(g.neg().unsqueeze(2), torch.linalg_cholesky(hessian), false)
                .squeeze(2);
    }

    /** The same system by conjugate gradients, all classes in step; a class that has converged stands still. */
    private Tensor conjugate(Tensor w, Tensor g) {
        Tensor d = g.mul(Tensors.scalar(0));
        Tensor r = g.neg();
        Tensor p = r.clone();
        Tensor rr = r.mul(r).sum(1);
        // inexact steps are enough far from the minimum (Eisenstat-Walker)
        Tensor stop = rr.mul(rr.sqrt().clamp_max(Tensors.scalar(0.1)).square());
        for (int i = 0; i < Math.min(width + 1, 250); i++) {
            try (Scope s = Scope.open()) {
                Tensor open = rr.gt(stop).to(w.scalar_type());
                if (open.sum().item_double() == 0) {
                    break;
                }
                Tensor hp = hessianTimes(w, p);
                Tensor alpha = rr.div(p.mul(hp).sum(1).clamp_min(Tensors.scalar(1e-300)))
                        .mul(open);
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

    private Tensor hessianTimes(Tensor w, Tensor v) {
        Tensor h = v.clone();
        for (Block b : rows.get()) {
            try (Scope s = Scope.open()) {
                Tensor x = augmented(b.x);
                Tensor inside = slack(x, b, w).gt(Tensors.scalar(0)).to(w.scalar_type());
                h.add_(x.matmul(v.t()).mul_(inside).t().matmul(x), Tensors.scalar(2 * config.c));
            }
        }
        return h;
    }

    /** Halves the step of every class whose objective did not fall enough (Armijo). */
    private Tensor search(Tensor w, Tensor direction, Point p) {
        Tensor slope = p.gradient.mul(direction).sum(1);
        Tensor step = slope.mul(Tensors.scalar(0)).add_(Tensors.scalar(1));
        for (int halving = 0; halving < 40; halving++) {
            Tensor trial = w.add(direction.mul(step.unsqueeze(1)));
            Tensor bound = p.value.add(slope.mul(step).mul_(Tensors.scalar(1e-4)));
            // at the minimum the values agree to rounding; a step must not be refused for that
            Tensor slackValue = p.value.abs().mul_(Tensors.scalar(1e-14));
            Tensor bad = at(trial).value.gt(bound.add_(slackValue));
            if (bad.sum().item_double() == 0) {
                return trial;
            }
            step = step.mul(
                    bad.to(step.scalar_type()).mul_(Tensors.scalar(-0.5)).add_(Tensors.scalar(1)));
        }
        return w.add(direction.mul(step.unsqueeze(1)));
    }

    /** max(0, 1 - y (w.x + b)) [n, C]. */
    private static Tensor slack(Tensor x, Block b, Tensor w) {
        return x.matmul(w.t())
                .mul_(signsOf(b, (int) w.size(0), w))
                .neg_()
                .add_(Tensors.scalar(1))
                .clamp_min_(Tensors.scalar(0));
    }

    private Tensor signs(Block b) {
        return signsOf(b, columns, b.x);
    }

    /** +1 in a row's own column, -1 elsewhere [n, C]. */
    private static Tensor signsOf(Block b, int columns, Tensor like) {
        return Tensors.oneHot(b.columns, columns, like).mul_(Tensors.scalar(2)).sub_(Tensors.scalar(1));
    }

    private static Tensor augmented(Tensor x) {
        return Tensors.cat(1, x, Tensors.emptyLike(x, x.size(0), 1).fill_(Tensors.scalar(1)));
    }
}
