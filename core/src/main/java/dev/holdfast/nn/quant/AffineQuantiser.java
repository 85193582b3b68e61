package dev.holdfast.nn.quant;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Rounds weights to {@code 2^bits} evenly spaced numbers between the smallest and the largest of their group:
 *
 * <pre>
 * s = max(max w - min w, 1e-5) / (2^bits - 1);   z = clamp(-round(min w / s));   code = clamp(round(w / s) + z);   Q(w) = (code - z) s
 * </pre>
 *
 * with both clamps to [0, 2^bits - 1]. Groups are consecutive entries of the whole weight, row by row; the last may be incomplete.
 * Stateless; safe from any thread.
 *
 * <p>Huang et al.: <i>Stable-SPAM</i>, arXiv 2502.17055, section 5, and its published code.
 *
 * @param bits in 2..8
 * @param group most entries of a group, >= 1
 * @param includeZero stretches the range of a group to 0, if it is all on one side. Without, as in the published code, the clamp of z
 *     shifts such a group: of a range from 3 to 4 it represents 0 to 1
 */
public record AffineQuantiser(int bits, int group, boolean includeZero) {
    private static final double LEAST_RANGE = 1e-5;

    public AffineQuantiser {
        if (bits < 2 || bits > 8) {
            throw new IllegalArgumentException("A quantiser of weights needs 2 to 8 bits but has " + bits + ".");
        }
        AbsmaxQuantiser.requireGroup(group);
    }

    /**
     * What would be stored.
     *
     * @param codes whole numbers in 0..2^bits-1, in the shape of the weight
     * @param scales [groups, 1]
     * @param zeros code of the number 0, [groups, 1]
     */
    public record Codes(Tensor codes, Tensor scales, Tensor zeros) {}

    /** Codes of a weight of any shape; no graph. */
    public Codes codes(Tensor w) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor row = w.detach().reshape(1, -1);
            Groups groups = Groups.of(row, group);
            Codes c = code(groups, row);
            return new Codes(s.keep(groups.undo(c.codes).view(w.shape())), s.keep(c.scales), s.keep(c.zeros));
        }
    }

    /** The numbers that a weight of any shape is rounded to; no graph. */
    public Tensor apply(Tensor w) {
        return byRow(w.reshape(1, -1)).view(w.shape());
    }

    /** Several weights [weights, n], with groups of their own. */
    Tensor byRow(Tensor w) {
        if (w.numel() == 0) {
            return w.detach();
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Groups groups = Groups.of(w, group);
            Codes c = code(groups, w.detach());
            return s.keep(groups.undo(c.codes.sub_(c.zeros).mul_(c.scales)));
        }
    }

    /** Codes [groups, size], scales and zeros [groups, 1]. */
    private Codes code(Groups groups, Tensor w) {
        Tensor all = groups.filledWithLast(w);
        Tensor low = all.amin(new long[] {1}, true);
        Tensor high = all.amax(new long[] {1}, true);
        if (includeZero) {
            low = low.clamp_max_(Tensors.scalar(0));
            high = high.clamp_min_(Tensors.scalar(0));
        }
        double top = (1 << bits) - 1;
        Tensor scale = high.sub(low).clamp_min_(Tensors.scalar(LEAST_RANGE)).div_(Tensors.scalar(top));
        Tensor zero = low.div(scale).round_().neg_().clamp_(Grid.scalar(0), Grid.scalar(top));
        Tensor codes = all.div(scale).round_().add_(zero).clamp_(Grid.scalar(0), Grid.scalar(top));
        return new Codes(codes, scale, zero);
    }
}
