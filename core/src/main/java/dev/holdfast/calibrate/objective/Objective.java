package dev.holdfast.calibrate.objective;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/** What a learnable map is fitted to. */
public enum Objective {
    /** Negative log-likelihood, mean over rows. */
    NLL,
    /** Brier score, mean over rows. */
    BRIER,
    /** {@link HObjective}. */
    H,
    /**
     * ECE with soft bins, norm 2: every confidence belongs to each of 15 bins by the softmax of -(distance to its middle)^2
     * / 0.01. Karandikar et al.: <i>Soft Calibration Objectives for Neural Networks</i>, arXiv 2108.00106.
     */
    SOFT_ECE;

    private static final int SOFT_BINS = 15;
    private static final double SOFTNESS = 0.01;

    /**
     * A scalar with a graph to the probabilities.
     *
     * @param p probabilities [n, C]
     * @param label column of each row's class
     */
    public Tensor loss(HObjective.Config h, Tensor p, int[] label) {
        return switch (this) {
            case H -> HObjective.loss(h, p, label);
            case NLL ->
                p.gather(1, Tensors.ids(label).unsqueeze(1))
                        .clamp_min(Tensors.scalar(1e-300))
                        .log()
                        .mean()
                        .neg();
            case BRIER ->
                p.sub(Tensors.oneHot(label, (int) p.size(1), p)).square().sum(1).mean();
            case SOFT_ECE -> softEce(p, label);
        };
    }

    private static Tensor softEce(Tensor p, int[] label) {
        Tensor best = p.detach().argmax(new org.bytedeco.pytorch.LongOptional(1), true);
        Tensor confidence = p.gather(1, best);
        Tensor hit = best.eq(Tensors.ids(label).unsqueeze(1)).to(p.scalar_type());
        double[] middle = new double[SOFT_BINS];
        for (int b = 0; b < SOFT_BINS; b++) {
            middle[b] = (b + 0.5) / SOFT_BINS;
        }
        Tensor member = confidence
                .sub(Tensors.of(middle, 1, SOFT_BINS).to(p.scalar_type()))
                .square()
                .div(Tensors.scalar(-SOFTNESS))
                .softmax(1);
        // share_b * gap_b^2 = (sum of u (c - a))^2 / (n * sum of u)
        Tensor size = member.sum(0).add(Tensors.scalar(1e-12));
        Tensor gap = member.mul(confidence.sub(hit)).sum(0);
        return gap.square()
                .div(size)
                .sum()
                .div(Tensors.scalar(label.length))
                .add(Tensors.scalar(1e-20))
                .sqrt();
    }
}
