package dev.holdfast.nn.quant;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;

/**
 * Rounds numbers to a grid whose ends are plus and minus the largest size of their group. The {@code outliers} largest of a group
 * stay as they are, and do not stretch its grid. For activations of every grid, and weights on FP4 grids.
 *
 * <p>Groups are consecutive entries of the last dimension. The last group of a row may be incomplete; the published code asks
 * that groups divide the entries and lets them reach from row to row, so that one row's numbers depend on the other rows.
 * Stateless; safe from any thread.
 *
 * <p>Huang et al.: <i>Stable-SPAM</i>, arXiv 2502.17055, section 5, and its published code.
 *
 * @param grid to round to, not {@link Grid#FULL}
 * @param group most entries of a group, >= 1
 * @param outliers entries of a group that are kept, in [0, group); of equal sizes the first
 */
public record AbsmaxQuantiser(Grid grid, int group, int outliers) {
    /** The least size that a grid spans. */
    private static final double FLOOR = 1e-6;

    public AbsmaxQuantiser {
        requireRounding(grid);
        requireGroup(group);
        if (outliers < 0 || outliers >= group) {
            throw new IllegalArgumentException("The outliers kept of every group of " + group + " must be >= 0 and < "
                    + group + " but are " + outliers + ".");
        }
    }

    static void requireRounding(Grid grid) {
        if (grid == Grid.FULL) {
            throw new IllegalArgumentException("A quantiser needs a grid to round to but got FULL.");
        }
    }

    static void requireGroup(int group) {
        if (group < 1) {
            throw new IllegalArgumentException(
                    "A quantiser's groups need at least 1 entry but are to have " + group + ".");
        }
    }

    /** The numbers x [..., n] that the grid can tell apart, to the nearest; no graph. */
    public Tensor apply(Tensor x) {
        return apply(x, null);
    }

    /**
     * The same with stochastic rounding.
     *
     * @param noise of the shape of x, uniform in [-0.5, 0.5); null = to the nearest
     */
    public Tensor apply(Tensor x, Tensor noise) {
        if (noise != null) {
            Tensors.requireShape("The noise of stochastic rounding", noise, x.shape());
        }
        if (x.numel() == 0) {
            return x.detach();
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Groups groups = Groups.of(x, group);
            Tensor all = groups.filledWithZeros(x.detach());
            Tensor size = all.abs();
            Tensor[] kept = new Tensor[(int) Math.min(outliers, groups.size())];
            for (int k = 0; k < kept.length; k++) {
                // largest by largest: for a few this is several times as fast as topk, which sorts rows one by one
                T_TensorTensor_T largest = size.max(1, true);
                kept[k] = largest.get1();
                size.scatter_(1, kept[k], Tensors.scalar(-1));
            }
            Tensor end = size.amax(new long[] {1}, true).clamp_min_(Tensors.scalar(FLOOR));
            Tensor q = grid.nearest(all.div(end), noise == null ? null : groups.filledWithZeros(noise))
                    .mul_(end);
            for (Tensor at : kept) {
                q.scatter_(1, at, all.gather(1, at));
            }
            return s.keep(groups.undo(q));
        }
    }
}
