package dev.holdfast.distill.store;

import dev.holdfast.config.Doc;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Cleans the labels of regions by how sure the teacher was of each: hopeless and trivial regions are discarded, doubtful
 * ones get the true class (softened), the rest keep the teacher's label. With s the confidence and T_L, T_M, T_T the
 * thresholds:
 *
 * <pre>
 * s < T_L or s > T_T    discarded
 * T_L <= s < T_M        1 - epsilon on the true class, epsilon / (C - 1) on each other
 * T_M <= s <= T_T       the teacher's label
 * </pre>
 *
 * <p>{@code low = mid = 0, top = 1} changes nothing: plain fast knowledge distillation. Shen, <i>FerKD: Surgical Label
 * Adaptation for Efficient Distillation</i>, arXiv 2312.17473; which side of a threshold its value itself belongs to is not
 * printed there. Pure; safe from any thread.
 *
 * @param thresholds whether low, mid and top are confidences or shares of the regions
 * @param low T_L, in [0, mid]
 * @param mid T_M, in [low, top]
 * @param top T_T, in [mid, 1]
 * @param epsilon in [0, 1)
 * @param confidence what s is
 */
public record LabelAdaptation(
        @Doc("whether low, mid and top are confidences or quantiles of the regions' confidences") Thresholds thresholds,
        @Doc("regions below are discarded") double low,
        @Doc("regions below get the softened true class") double mid,
        @Doc("regions above are discarded") double top,
        @Doc("share of the other classes in the softened true class") double epsilon,
        @Doc("the teacher's largest probability, or that of the true class") Confidence confidence) {
    /** What the three numbers are. */
    public enum Thresholds {
        /** Confidences. */
        ABSOLUTE,
        /** Shares: T is the confidence below which so many of the store's regions are. */
        QUANTILE
    }

    /** What is compared with the thresholds. */
    public enum Confidence {
        /** The largest probability of the stored label. */
        MAX,
        /** The stored probability of the true class. */
        TRUE_CLASS
    }

    /** What a region is to training; the order is that of the codes in a store. */
    public enum Region {
        /** Discarded: the teacher saw nothing. */
        HOPELESS,
        /** The true class is taught. */
        HARD,
        /** The teacher's label is taught. */
        IMPORTANT,
        /** Discarded: nothing to be learnt. */
        TRIVIAL;

        /** Whether it is learnt from. */
        public boolean kept() {
            return this == HARD || this == IMPORTANT;
        }
    }

    public LabelAdaptation {
        if (!(0 <= low && low <= mid && mid <= top && top <= 1)) {
            throw new IllegalArgumentException("The thresholds must satisfy 0 <= low <= mid <= top <= 1 but are " + low
                    + ", " + mid + ", " + top + ".");
        }
        if (!(epsilon >= 0 && epsilon < 1)) {
            throw new IllegalArgumentException("epsilon must be in [0, 1) but is " + epsilon + ".");
        }
    }

    /** Drops the lowest 5 % and the highest 10 %, and teaches the true class in the 20 % above the lowest. */
    public static LabelAdaptation defaults() {
        return new LabelAdaptation(Thresholds.QUANTILE, 0.05, 0.25, 0.9, 0.1, Confidence.MAX);
    }

    /** Changes nothing. */
    public static LabelAdaptation none() {
        return absolute(0, 0, 1);
    }

    /** Confidences as thresholds, epsilon 0.1. */
    public static LabelAdaptation absolute(double low, double mid, double top) {
        return new LabelAdaptation(Thresholds.ABSOLUTE, low, mid, top, 0.1, Confidence.MAX);
    }

    public LabelAdaptation withEpsilon(double e) {
        return new LabelAdaptation(thresholds, low, mid, top, e, confidence);
    }

    /** The same with thresholds that are confidences; quantiles are interpolated linearly between regions. */
    public LabelAdaptation resolve(double[] confidences) {
        if (thresholds == Thresholds.ABSOLUTE) {
            return this;
        }
        if (confidences.length == 0) {
            throw new IllegalArgumentException("Quantiles need at least one region but there is none.");
        }
        double[] sorted = confidences.clone();
        Arrays.sort(sorted);
        return new LabelAdaptation(
                Thresholds.ABSOLUTE,
                quantile(sorted, low),
                quantile(sorted, mid),
                quantile(sorted, top),
                epsilon,
                confidence);
    }

    private static double quantile(double[] sorted, double share) {
        double at = share * (sorted.length - 1);
        int below = (int) at;
        double above = sorted[Math.min(sorted.length - 1, below + 1)];
        double q = sorted[below] + (at - below) * (above - sorted[below]);
        // a probability may exceed 1 by its last bit
        return Math.min(1, Math.max(0, q));
    }

    /** What a region of this confidence is. */
    public Region region(double s) {
        requireResolved();
        if (s < low) {
            return Region.HOPELESS;
        }
        if (Math.min(s, 1) > top) {
            return Region.TRIVIAL;
        }
        return s < mid ? Region.HARD : Region.IMPORTANT;
    }

    /** Labels [n, C] with the true class taught where {@code hard}, untouched elsewhere. */
    public static Tensor teachTruth(Tensor labels, boolean[] hard, int[] truth, double epsilon) {
        int n = hard.length;
        int classes = (int) labels.size(1);
        double[] mask = new double[n];
        for (int i = 0; i < n; i++) {
            mask[i] = hard[i] ? 1 : 0;
        }
        double other = classes > 1 ? epsilon / (classes - 1) : 0;
        double own = classes > 1 ? 1 - epsilon : 1;
        Tensor soft = Tensors.oneHot(truth, classes, labels)
                .mul(Tensors.scalar(own - other))
                .add(Tensors.scalar(other));
        return torch.where(Tensors.of(mask, n, 1).gt(Tensors.scalar(0.5)), soft, labels);
    }

    private void requireResolved() {
        if (thresholds != Thresholds.ABSOLUTE) {
            throw new IllegalStateException("Quantiles are no confidences; resolve them over a store first.");
        }
    }
}
