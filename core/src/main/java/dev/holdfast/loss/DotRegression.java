package dev.holdfast.loss;

import dev.holdfast.tensor.Tensors;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Dot regression to fixed prototypes: {@code 1/2 mean (h.e_y - l)^2} on features h of length 1, where l is 1, or shorter for
 * rows of classes that fill the batch. Pure; safe from any thread.
 *
 * <p>Yang et al., <i>Neural Collapse Inspired Feature-Classifier Alignment for Few-Shot Class Incremental Learning</i>, arXiv
 * 2302.03004, eq. 5.
 */
public final class DotRegression {
    private DotRegression() {}

    /**
     * Scalar with graph; no gradient flows to the prototypes.
     *
     * @param features [n, d]; brought to length 1
     * @param prototypes unit vectors, one a row [K, d]
     * @param label row of {@code prototypes} for every feature
     */
    public static Tensor value(Tensor features, Tensor prototypes, int[] label) {
        return value(features, prototypes, label, false);
    }

    /** The same; with {@code corrected} every row aims at the length sqrt(B / (classes in the batch * rows of its class)). */
    public static Tensor value(Tensor features, Tensor prototypes, int[] label, boolean corrected) {
        Tensors.requireShape("features", features, label.length, prototypes.size(1));
        for (int y : label) {
            if (y < 0 || y >= prototypes.size(0)) {
                throw new IllegalArgumentException(
                        "A row has label " + y + " but there are " + prototypes.size(0) + " prototypes.");
            }
        }
        Tensor aim = Tensors.rows(prototypes.detach(), label).to(features.scalar_type());
        Tensor dot = SupervisedContrastive.unit(features).mul(aim).sum(1);
        Tensor length = corrected
                ? Tensors.of(lengths(label), label.length).to(features.scalar_type())
                : Tensors.scalarLike(features.detach(), 1);
        return dot.sub(length).square().mean().mul(Tensors.scalar(0.5));
    }

    /** Target length of every row. */
    static double[] lengths(int[] label) {
        Map<Integer, Integer> count = new HashMap<>();
        for (int y : label) {
            count.merge(y, 1, Integer::sum);
        }
        double[] l = new double[label.length];
        for (int i = 0; i < l.length; i++) {
            l[i] = Math.sqrt(label.length / ((double) count.size() * count.get(label[i])));
        }
        return l;
    }
}
