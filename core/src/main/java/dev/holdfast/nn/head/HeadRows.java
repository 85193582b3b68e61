package dev.holdfast.nn.head;

import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Corrections of a linear head towards old classes after new ones were learnt: what a correction does to logits is done
 * to the rows of the head, so that the network needs no further layer. One writer; callers keep readers out meanwhile.
 */
public final class HeadRows {
    private HeadRows() {}

    /**
     * The factor of WA: mean length of the old classes' weight rows over that of the new ones'; 1 where one of them is
     * zero. Zhao et al., <i>Maintaining Discrimination and Fairness in Class Incremental Learning</i>, arXiv 1911.07053,
     * equation 8.
     *
     * @param weight [C, D]
     * @param old columns of old classes, at least one
     * @param fresh columns of new classes, at least one
     */
    public static double alignment(Tensor weight, int[] old, int[] fresh) {
        if (old.length == 0 || fresh.length == 0) {
            throw new IllegalArgumentException("Weight rows of old and of new classes are compared, but there are "
                    + old.length + " and " + fresh.length + ".");
        }
        double[][] rows = Tensors.rows(weight);
        double ratio = length(rows, old) / length(rows, fresh);
        return ratio > 0 && !Double.isInfinite(ratio) ? ratio : 1;
    }

    private static double length(double[][] rows, int[] of) {
        return Arrays.stream(of)
                .mapToDouble(
                        c -> Math.sqrt(Arrays.stream(rows[c]).map(v -> v * v).sum()))
                .average()
                .orElseThrow();
    }

    /** Weight rows of these columns times the factor of {@link #alignment}; offsets stay. */
    public static void align(Head head, int[] old, int[] fresh) {
        try (Scope s = Scope.open()) {
            Tensor w = leaf(head, false);
            scale(w, fresh, alignment(w, old, fresh), 0);
        }
    }

    /** Logits of these columns become alpha z + beta: rows and offsets times alpha, offsets plus beta. */
    public static void correct(Head head, int[] fresh, BiasCorrection by) {
        try (Scope s = Scope.open()) {
            Tensor bias = leaf(head, true);
            scale(leaf(head, false), fresh, by.alpha(), 0);
            scale(bias, fresh, by.alpha(), by.beta());
        }
    }

    private static void scale(Tensor leaf, int[] rows, double factor, double shift) {
        try (var mode = Autograd.noGrad()) {
            Tensor at = Tensors.ids(rows);
            leaf.index_copy_(
                    0, at, leaf.index_select(0, at).mul(Tensors.scalar(factor)).add_(Tensors.scalar(shift)));
        }
    }

    /** The head's weight [C, D] or offsets [C]. */
    private static Tensor leaf(Head head, boolean bias) {
        for (Site site : Inventory.of(head).sites()) {
            if ((site.meta().role() == Role.BIAS) == bias && site.source() instanceof Dense d) {
                return d.leaves().get(0).value();
            }
        }
        throw new IllegalArgumentException("Head '" + head.name() + "' has no dense "
                + (bias ? "offsets" : "weight rows") + " to correct.\nMaybe a linear head is meant.");
    }
}
