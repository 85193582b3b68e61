package dev.holdfast.bilevel;

import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Data hyper-cleaning by batches: x = one logit a noisy row, y = softmax regression W [C, d], {@code g = mean_i
 * sigmoid(x_i) CE_i(W) + decay(W)}, f = the mean cross entropy of trusted rows. {@link RowWeighting} has the same in closed
 * form for all rows at once, {@link HyperCleaning} for data sets.
 *
 * <p>Franceschi et al., arXiv 1703.01785; the task of arXiv 2401.09587. A batch holds row numbers.
 */
public final class HyperCleaningProblem implements BilevelProblem<int[]> {
    /** What keeps the network small. */
    public enum Decay {
        /** {@code rho |W|²/2}: strongly convex. */
        SQUARED,
        /** {@code rho |W|}, as the authors' program has it: not strongly convex, with a curvature without bound near 0. */
        NORM
    }

    private final Tensor x;
    private final Tensor y;
    private final Tensor trustedX;
    private final Tensor trustedY;
    private final Parameters upper;
    private final Parameters lower;
    private final int batch;
    private final double rho;
    private final Decay decay;

    /**
     * All logits and weights start at 0; with {@link Decay#NORM}, which has no slope there, weights start small and random.
     *
     * @param x rows [n, d]
     * @param labels column of each row, perhaps wrong
     * @param trustedX rows [m, d] of the same dtype
     * @param trustedLabels column of each, right
     * @param batch rows of a batch, drawn with replacement
     * @param rho strength of the decay, > 0
     */
    public HyperCleaningProblem(
            Tensor x,
            int[] labels,
            Tensor trustedX,
            int[] trustedLabels,
            int classes,
            int batch,
            double rho,
            Decay decay) {
        if (labels.length == 0 || trustedLabels.length == 0 || classes < 2 || batch < 1) {
            throw new IllegalArgumentException("Hyper-cleaning needs rows, trusted rows, two classes and a batch of at"
                    + " least one row but has " + labels.length + ", " + trustedLabels.length + ", " + classes + " and "
                    + batch + ".");
        }
        if (!(rho > 0) || Double.isInfinite(rho)) {
            throw new IllegalArgumentException(
                    "rho must be finite and > 0 but is " + rho + "; without it there is no single best network.");
        }
        Tensors.requireShape("rows", x, labels.length, x.size(1));
        Tensors.requireShape("trusted rows", trustedX, trustedLabels.length, x.size(1));
        this.x = Scope.own(Tensors.copy(x));
        this.y = Scope.own(Tensors.ids(labels));
        this.trustedX = Scope.own(Tensors.copy(trustedX));
        this.trustedY = Scope.own(Tensors.ids(trustedLabels));
        this.upper = Problems.leaf("lambda", Tensors.zerosLike(x, labels.length));
        this.lower = Problems.leaf(
                "weight",
                decay == Decay.SQUARED
                        ? Tensors.zerosLike(x, classes, x.size(1))
                        : Rng.of(0)
                                .child("weight")
                                .normal(x.scalar_type(), classes, x.size(1))
                                .mul(Tensors.scalar(1 / Math.sqrt(x.size(1)))));
        this.batch = batch;
        this.rho = rho;
        this.decay = decay;
    }

    @Override
    public Parameters upper() {
        return upper;
    }

    @Override
    public Parameters lower() {
        return lower;
    }

    @Override
    public Tensor lowerLoss(int[] rows) {
        Tensor at = Tensors.ids(rows);
        Tensor w = lower.get(0);
        Tensor ce = Problems.crossEntropies(x.index_select(0, at).matmul(w.t()), y.index_select(0, at));
        Tensor fit = ce.dot(upper.get(0).index_select(0, at).sigmoid()).div(Tensors.scalar(rows.length));
        Tensor square = w.mul(w).sum();
        return fit.add(decay == Decay.SQUARED ? square.mul(Tensors.scalar(0.5)) : square.sqrt(), Tensors.scalar(rho));
    }

    @Override
    public Tensor upperLoss(int[] rows) {
        Tensor at = Tensors.ids(rows);
        return Problems.crossEntropies(
                        trustedX.index_select(0, at).matmul(lower.get(0).t()), trustedY.index_select(0, at))
                .mean();
    }

    @Override
    public int[] lowerBatch(Rng rng) {
        return Problems.rows(batch, rng, x.size(0));
    }

    @Override
    public int[] upperBatch(Rng rng) {
        return Problems.rows(batch, rng, trustedX.size(0));
    }
}
