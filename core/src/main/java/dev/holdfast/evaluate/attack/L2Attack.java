package dev.holdfast.evaluate.attack;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Projected gradient ascent in a Euclidean ball: looks for a change of every row, no longer than a radius, that alters its
 * class (Madry et al., <i>Towards Deep Learning Models Resistant to Adversarial Attacks</i>, arXiv 1706.06083). What it
 * finds is an upper bound of what a row withstands; what it does not find proves nothing.
 *
 * <p>Stateless; safe from any thread if the scores are.
 *
 * @param steps of ascent in every restart
 * @param restarts from random points of the ball; the first starts at the row itself
 * @param stepSize length of a step as a share of the radius
 * @param low least entry of a changed row, NaN for no bounds
 * @param high largest entry of a changed row
 */
public record L2Attack(int steps, int restarts, double stepSize, double low, double high) {
    public L2Attack {
        if (steps < 1 || restarts < 1) {
            throw new IllegalArgumentException(
                    "An attack needs steps and restarts >= 1 but has " + steps + " and " + restarts + ".");
        }
        if (!(stepSize > 0) || Double.isInfinite(stepSize)) {
            throw new IllegalArgumentException("The step of an attack must be finite and > 0 but is " + stepSize + ".");
        }
        if (low >= high) {
            throw new IllegalArgumentException(
                    "The bounds of changed rows must have low < high but are " + low + " and " + high + ".");
        }
    }

    /** Forty steps of a tenth of the radius, five restarts, entries in [0, 1]. */
    public static L2Attack defaults() {
        return new L2Attack(40, 5, 0.1, 0, 1);
    }

    /**
     * Rows that were made to change class.
     *
     * @param rows the changed rows [n, ...]; those that withstood are as they were
     * @param broken which rows changed class [n]
     */
    public record Outcome(Tensor rows, boolean[] broken) {}

    /**
     * Attacks every row.
     *
     * @param scores rows [n, ...] to scores [n, C], differentiable
     * @param x rows [n, ...] of a floating type
     * @param column the class column that is to be left
     * @param radius largest Euclidean norm of a change, one a row
     */
    public Outcome attack(UnaryOperator<Tensor> scores, Tensor x, int[] column, double[] radius, Rng rng) {
        int n = Math.toIntExact(x.size(0));
        if (column.length != n || radius.length != n) {
            throw new IllegalArgumentException(n + " rows are attacked but there are " + column.length + " classes and "
                    + radius.length + " radii.");
        }
        for (int i = 0; i < n; i++) {
            if (!(radius[i] >= 0) || Double.isInfinite(radius[i])) {
                throw new IllegalArgumentException(
                        "Row " + i + " is to be attacked within a radius of " + radius[i] + "; expected finite, >= 0.");
            }
        }
        try (Scope all = Scope.open()) {
            Tensor rows = x.detach().reshape(n, -1);
            Tensor r = Tensors.of(radius, n, 1).to(x.scalar_type());
            Tensor found = rows.clone();
            Tensor broken = Tensors.zeros(ScalarType.Bool, n);
            for (int k = 0; k < restarts; k++) {
                Tensor delta = k == 0 ? Tensors.zerosLike(rows, rows.shape()) : start(rows, r, rng.child("restart", k));
                keepBreaking(scores, x, rows, delta, column, broken, found);
                for (int step = 0; step < steps; step++) {
                    try (Scope s = Scope.open()) {
                        Tensor up = ascent(scores, x, rows.add(delta), column);
                        Tensor next = project(rows, delta.add(unit(up).mul(r).mul(Tensors.scalar(stepSize))), r);
                        delta.copy_(next);
                        keepBreaking(scores, x, rows, delta, column, broken, found);
                    }
                }
            }
            boolean[] which = new boolean[n];
            long[] flags = Tensors.longs(broken);
            for (int i = 0; i < n; i++) {
                which[i] = flags[i] != 0;
            }
            return new Outcome(all.keep(found.reshape(x.shape())), which);
        }
    }

    /** A uniform point of the ball. */
    private Tensor start(Tensor rows, Tensor r, Rng rng) {
        Tensor direction = unit(rng.normal(rows.scalar_type().intern(), rows.shape()));
        Tensor share = rng.child("length")
                .uniform(rows.scalar_type().intern(), rows.size(0), 1)
                .pow(new Scalar(1.0 / rows.size(1)));
        return project(rows, direction.mul(share).mul(r), r);
    }

    /** Back into the bounds, then into the ball: both hold where the row itself is in bounds. */
    private Tensor project(Tensor rows, Tensor delta, Tensor r) {
        Tensor d = delta;
        if (!Double.isNaN(low)) {
            d = rows.add(d)
                    .clamp_min(Tensors.scalar(low))
                    .clamp_max(Tensors.scalar(high))
                    .sub(rows);
        }
        Tensor length = norm(d);
        return d.mul(r.div(length.clamp_min(Tensors.scalar(1e-30))).clamp_max(Tensors.scalar(1)));
    }

    private static Tensor norm(Tensor rows) {
        return rows.mul(rows).sum(1).sqrt().unsqueeze(1);
    }

    private static Tensor unit(Tensor rows) {
        return rows.div(norm(rows).clamp_min(Tensors.scalar(1e-30)));
    }

    /**
     * Direction [n, width] in which the best other class gains most on the own one.
     */
    private static Tensor ascent(UnaryOperator<Tensor> scores, Tensor like, Tensor at, int... column) {
        try (var mode = Autograd.withGrad()) {
            Tensor leaf = at.detach().clone();
            leaf.set_requires_grad(true);
            Tensor gain = gain(scores.apply(leaf.reshape(like.shape())), column).sum();
            Parameters p = new Parameters(
                    List.of(new ParamMeta("rows", Role.OTHER, leaf.size(1), leaf.size(0), false, 0)), List.of(leaf));
            Tensor g = Autograd.grad(gain, p, false).get(0);
            return g == null ? Tensors.zerosLike(at, at.shape()) : g;
        }
    }

    /** Best other score less the own one [n]. */
    private static Tensor gain(Tensor scores, int... column) {
        Tensor own = scores.gather(1, Tensors.ids(column).unsqueeze(1)).squeeze(1);
        Tensor mine =
                Tensors.oneHot(column, (int) scores.size(1), scores.detach()).gt(Tensors.scalar(0.5));
        return scores.masked_fill(mine, new Scalar(-1e30))
                .amax(new long[] {1}, false)
                .sub(own);
    }

    private static void keepBreaking(
            UnaryOperator<Tensor> scores,
            Tensor like,
            Tensor rows,
            Tensor delta,
            int[] column,
            Tensor broken,
            Tensor found) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor at = rows.add(delta);
            Tensor said = scores.apply(at.reshape(like.shape())).argmax(new LongOptional(1), false);
            Tensor now = said.ne(Tensors.ids(column));
            Tensor fresh = now.logical_and(broken.logical_not());
            found.copy_(at.where(fresh.unsqueeze(1), found));
            broken.logical_or_(now);
        }
    }
}
