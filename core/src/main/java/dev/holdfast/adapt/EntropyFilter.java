package dev.holdfast.adapt;

import dev.holdfast.tensor.Tensors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Trusts only rows that the model is sure about: {@code H_i < E0} with {@code E0 = share * ln C} for C classes, where
 * H_i is the entropy of the predicted distribution. The largest possible entropy is ln C, so the share has the same
 * meaning whatever the number of classes.
 *
 * <p>Niu et al.: <i>Towards Stable Test-Time Adaptation in Dynamic Wild World</i> (SAR), arXiv 2302.12400, equation 2.
 * Immutable; safe from any thread.
 *
 * @param share of the largest entropy, >= 0; 0 = every row is trusted
 */
public record EntropyFilter(double share) {
    public EntropyFilter {
        if (!(share >= 0) || Double.isInfinite(share)) {
            throw new IllegalArgumentException("The share of the largest entropy must be finite and >= 0 (0 = no"
                    + " filter) but is " + share + ".");
        }
    }

    /** E0 for so many classes; infinite without a filter. */
    public double limit(int classes) {
        return share == 0 ? Double.POSITIVE_INFINITY : share * Math.log(classes);
    }

    /** Entropy of the softmax of each row of logits [n, C]: [n], with graph. */
    public static Tensor entropy(Tensor logits) {
        return logits.softmax(1).mul(logits.log_softmax(1)).sum(1).neg();
    }

    /** Rows whose value is below the limit, ascending. */
    public static int[] below(Tensor values, double limit) {
        double[] v = Tensors.doubles(values);
        return IntStream.range(0, v.length).filter(i -> v[i] < limit).toArray();
    }
}
