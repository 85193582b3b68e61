package dev.holdfast.optim.transform;

import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * The formulas of hard attention to the task: a unit's gate is {@code sigmoid(s e)} with a learnt number e for each task
 * and unit; how far a unit is used already, in [0, 1], holds back the weights between used units.
 *
 * <p>Serra, Suris, Miron, Karatzoglou: <i>Overcoming Catastrophic Forgetting with Hard Attention to the Task</i>, arXiv
 * 1801.01423. Pure.
 */
public final class UnitGates {
    private UnitGates() {}

    /**
     * Equation 3: s rises from 1/sMax to sMax within an epoch.
     *
     * @param progress share of the epoch's batches that are over, (b - 1)/(B - 1), in [0, 1]
     */
    public static double annealed(double progress, double sMax) {
        return 1 / sMax + (sMax - 1 / sMax) * progress;
    }

    /** Equation 1: gates [units] of embeddings [units]. */
    public static Tensor gates(Tensor embedding, double s) {
        return embedding.mul(Tensors.scalar(s)).sigmoid();
    }

    /**
     * Equation 5: how much of the capacity that is left the gates take, {@code sum a (1 - used) / sum (1 - used)} over all
     * layers; 0 where nothing is left.
     *
     * @param gates of each layer [units], with graph
     * @param used of each layer [units]
     */
    public static Tensor sparsity(List<Tensor> gates, List<Tensor> used) {
        if (gates.isEmpty() || gates.size() != used.size()) {
            throw new IllegalArgumentException(
                    "Expected gates and used shares of the same layers, at least one, but got " + gates.size() + " and "
                            + used.size() + ".");
        }
        Tensor taken = null;
        Tensor left = null;
        for (int i = 0; i < gates.size(); i++) {
            Tensor free = used.get(i).neg().add(Tensors.scalar(1));
            Tensor t = gates.get(i).mul(free).sum();
            taken = taken == null ? t : taken.add(t);
            left = left == null ? free.sum() : left.add(free.sum());
        }
        return left.item_double() > 0 ? taken.div(left) : taken.mul(Tensors.scalar(0));
    }

    /**
     * Equation 2: the gradient of a weight between two layers, scaled by {@code 1 - min(used_out, used_in)}.
     *
     * @param g [out, in, ...]
     * @param usedIn [in], or null where inputs are no units: then {@code 1 - used_out}
     * @param usedOut [out]
     */
    public static Tensor gated(Tensor g, Tensor usedIn, Tensor usedOut) {
        long[] shape = new long[(int) g.dim()];
        Arrays.fill(shape, 1);
        shape[0] = g.size(0);
        Tensor used = usedOut.reshape(shape);
        if (usedIn != null) {
            shape[0] = 1;
            shape[1] = g.size(1);
            used = used.minimum(usedIn.reshape(shape));
        }
        return g.mul(used.neg().add(Tensors.scalar(1)));
    }

    /**
     * Section 2.5: the gradient that embeddings would get had s stayed at 1, {@code g sMax/s (cosh(s e) + 1)/(cosh(e) + 1)}.
     *
     * @param clamp largest |s e| that enters the hyperbolic cosine
     */
    public static Tensor compensated(Tensor g, Tensor embedding, double s, double sMax, double clamp) {
        Scalar one = Tensors.scalar(1);
        Tensor scaled = embedding
                .mul(Tensors.scalar(s))
                .clamp(new ScalarOptional(Tensors.scalar(-clamp)), new ScalarOptional(Tensors.scalar(clamp)));
        return g.mul(Tensors.scalar(sMax / s))
                .mul(scaled.cosh().add(one))
                .div(embedding.cosh().add(one));
    }
}
