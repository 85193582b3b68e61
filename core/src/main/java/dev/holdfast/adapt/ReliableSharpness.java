package dev.holdfast.adapt;

import dev.holdfast.optim.transform.SharpnessAware;
import dev.holdfast.optim.transform.SurrogateGap;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/**
 * Looks for a direction that lowers the loss of rows that can be trusted, here and nearby, and narrows the surrogate
 * gap; the leaves are where they were when it returns:
 *
 * <pre>{@code
 * R1 = {i : H_i < limit}                       g   = gradient of mean_R1 H
 * Theta' = Theta + rho g / |g|
 * R2 = {i in R1 : H_i(Theta') < limit}         g_p = gradient of mean_R2 H at Theta'
 * direction = g_p - alpha g_perp               (g_perp: the part of g orthogonal to g_p)
 * }</pre>
 *
 * With alpha = 0 this is SAR (Niu et al., arXiv 2302.12400, algorithm 1), with rho = 0 and no limit plain entropy
 * minimisation (Wang et al., TENT, arXiv 2006.10726); the surrogate gap is that of Zhuang et al., arXiv 2203.08065. The
 * three together are how we read <i>Generalized Incremental Learning under Concept Drift across Evolving Data
 * Streams</i>, arXiv 2506.05736. Immutable; one thread at a time on one set of leaves.
 *
 * @param rho radius of the perturbation, one norm over all leaves; 0 = none, and the rows are not looked at twice
 * @param gap how strongly the surrogate gap is narrowed
 */
public record ReliableSharpness(double rho, SurrogateGap gap) {
    /** What came of a look. */
    public enum Found {
        DIRECTION,
        /** No row was below the limit, before or after the perturbation. */
        NOTHING_RELIABLE,
        /** The gradient is zero. */
        FLAT,
        /** A value or a gradient is not finite. */
        NOT_FINITE
    }

    /**
     * Everything that was computed; entries that were not reached are empty, null or NaN.
     *
     * @param values of all rows [n] at Theta
     * @param reliable R1
     * @param reliableTwice R2
     * @param loss mean over R1 at Theta
     * @param perturbedLoss mean over R2 at Theta'
     * @param surrogateGap mean over R1 at Theta' less at Theta
     * @param gradient g
     * @param perturbedGradient g_p
     * @param split cosine, g_perp and the direction
     */
    public record Look(
            Found found,
            double[] values,
            int[] reliable,
            int[] reliableTwice,
            double loss,
            double perturbedLoss,
            double surrogateGap,
            ParamVector gradient,
            ParamVector perturbedGradient,
            SurrogateGap.Split split) {
        /** What an update rule is to see. */
        public ParamVector direction() {
            return split.direction();
        }

        /** Mean over all rows at Theta. */
        public double mean() {
            return Arrays.stream(values).average().orElse(Double.NaN);
        }
    }

    public ReliableSharpness {
        SharpnessAware.requireRadius(rho);
    }

    /**
     * One look at a batch.
     *
     * @param theta the leaves that may move
     * @param perRow the value of each row [n] (entropy, loss) at the present leaves, with graph
     * @param limit rows at or above it are not trusted
     */
    public Look look(Parameters theta, Supplier<Tensor> perRow, double limit) {
        Tensor h = perRow.get();
        double[] values = Tensors.doubles(h);
        if (!Tensors.finite(h)) {
            return ended(Found.NOT_FINITE, values, new int[0], Double.NaN, null);
        }
        int[] reliable = EntropyFilter.below(h, limit);
        if (reliable.length == 0) {
            return ended(Found.NOTHING_RELIABLE, values, reliable, Double.NaN, null);
        }
        Tensor mean = mean(h, reliable);
        double loss = mean.item_double();
        ParamVector g = Autograd.grad(mean, theta, false);
        double norm = g.norm();
        if (!Double.isFinite(norm)) {
            return ended(Found.NOT_FINITE, values, reliable, loss, g);
        }
        if (norm == 0) {
            return ended(Found.FLAT, values, reliable, loss, g);
        }
        if (rho == 0) {
            return new Look(Found.DIRECTION, values, reliable, reliable, loss, loss, 0, g, g, gap.split(g, g));
        }
        int[] twice;
        double gapHere;
        double perturbedLoss;
        ParamVector above;
        try (Parameters.Perturbation p = SharpnessAware.climb(theta, g, rho)) {
            Tensor hAbove = perRow.get();
            if (!Tensors.finite(hAbove)) {
                return ended(Found.NOT_FINITE, values, reliable, loss, g);
            }
            double[] v = Tensors.doubles(hAbove);
            gapHere = Arrays.stream(reliable).mapToDouble(i -> v[i]).average().orElseThrow() - loss;
            // rows that were not trusted before do not come back: an intersection, not a second choice
            twice = Arrays.stream(reliable).filter(i -> v[i] < limit).toArray();
            if (twice.length == 0) {
                return ended(Found.NOTHING_RELIABLE, values, reliable, loss, g);
            }
            Tensor meanAbove = mean(hAbove, twice);
            perturbedLoss = meanAbove.item_double();
            above = Autograd.grad(meanAbove, theta, false);
        }
        if (!above.finite()) {
            return ended(Found.NOT_FINITE, values, reliable, loss, g);
        }
        return new Look(
                Found.DIRECTION, values, reliable, twice, loss, perturbedLoss, gapHere, g, above, gap.split(g, above));
    }

    private static Tensor mean(Tensor h, int[] rows) {
        return (rows.length == h.size(0) ? h : Tensors.rows(h, rows)).mean();
    }

    private static Look ended(Found found, double[] values, int[] reliable, double loss, ParamVector g) {
        return new Look(found, values, reliable, new int[0], loss, Double.NaN, Double.NaN, g, null, null);
    }
}
