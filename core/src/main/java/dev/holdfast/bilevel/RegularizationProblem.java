package dev.holdfast.bilevel;

import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Hyperparameter optimisation: how strongly each group of inputs is regularised. x = logs of the strengths [G], y = softmax
 * regression W [C, d], {@code g = mean CE_i(W) + sum_j exp(x_group(j)) |W_j|²/2} over the inputs' columns W_j, f = the mean
 * cross entropy of other rows. With one group it is weight decay, with one an input it chooses inputs.
 *
 * <p>Pedregosa, arXiv 1602.02355; the task of arXiv 2401.09587. A batch holds row numbers.
 */
public final class RegularizationProblem implements BilevelProblem<int[]> {
    private final Tensor x;
    private final Tensor y;
    private final Tensor heldX;
    private final Tensor heldY;
    private final Tensor groups;
    private final Parameters upper;
    private final Parameters lower;
    private final int batch;

    /**
     * Weights start at 0.
     *
     * @param x rows [n, d] to train on
     * @param labels column of each row
     * @param heldX rows [m, d] of the same dtype that strengths are judged by
     * @param heldLabels column of each
     * @param groups group of each input [d], 0 .. G - 1
     * @param start strength of every group at the start, > 0
     * @param batch rows of a batch, drawn with replacement
     */
    public RegularizationProblem(
            Tensor x,
            int[] labels,
            Tensor heldX,
            int[] heldLabels,
            int classes,
            int[] groups,
            double start,
            int batch) {
        if (labels.length == 0 || heldLabels.length == 0 || classes < 2 || batch < 1) {
            throw new IllegalArgumentException(
                    "Tuning regularisation needs rows, held-out rows, two classes and a batch"
                            + " of at least one row but has " + labels.length + ", " + heldLabels.length + ", "
                            + classes
                            + " and " + batch + ".");
        }
        if (!(start > 0) || Double.isInfinite(start)) {
            throw new IllegalArgumentException("A strength must be finite and > 0 but is " + start + ".");
        }
        Tensors.requireShape("rows", x, labels.length, groups.length);
        Tensors.requireShape("held-out rows", heldX, heldLabels.length, groups.length);
        if (Arrays.stream(groups).anyMatch(g -> g < 0)) {
            throw new IllegalArgumentException("Groups are numbered from 0 but are " + Arrays.toString(groups) + ".");
        }
        this.x = Scope.own(Tensors.copy(x));
        this.y = Scope.own(Tensors.ids(labels));
        this.heldX = Scope.own(Tensors.copy(heldX));
        this.heldY = Scope.own(Tensors.ids(heldLabels));
        this.groups = Scope.own(Tensors.ids(groups));
        this.upper = Problems.leaf(
                "log strength",
                Tensors.zerosLike(x, Arrays.stream(groups).max().orElse(0) + 1).fill_(Tensors.scalar(Math.log(start))));
        this.lower = Problems.leaf("weight", Tensors.zerosLike(x, classes, groups.length));
        this.batch = batch;
    }

    /** The strengths now, by group. */
    public double[] strengths() {
        try (Scope s = Scope.open()) {
            return Tensors.doubles(upper.get(0).detach().exp());
        }
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
        Tensor strength = upper.get(0).exp().index_select(0, groups);
        return Problems.crossEntropies(x.index_select(0, at).matmul(w.t()), y.index_select(0, at))
                .mean()
                .add(w.mul(w).sum(0).dot(strength), Tensors.scalar(0.5));
    }

    @Override
    public Tensor upperLoss(int[] rows) {
        Tensor at = Tensors.ids(rows);
        return Problems.crossEntropies(
                        heldX.index_select(0, at).matmul(lower.get(0).t()), heldY.index_select(0, at))
                .mean();
    }

    @Override
    public int[] lowerBatch(Rng rng) {
        return Problems.rows(batch, rng, x.size(0));
    }

    @Override
    public int[] upperBatch(Rng rng) {
        return Problems.rows(batch, rng, heldX.size(0));
    }
}
