package dev.holdfast.loss.robust;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What a loss does to scores before it compares them, so that margins and temperatures mean the same whatever the size of
 * the scores. The gradient goes through it. As in the authors' code for arXiv 2112.14869.
 */
public enum ScoreScale {
    /** Scores as they are. */
    NONE,
    /** f / (sum_k |f_k| / K), so that the mean of |f| is 1 and no score exceeds K; a row of zeros stays one. */
    L1,
    /** softplus(f) / mean_k softplus(f): positive scores of mean 1. */
    SOFTPLUS_MEAN;

    private static final double NOTHING = 1e-12;

    /** Scores [n, K] on this scale. */
    public Tensor of(Tensor f) {
        return switch (this) {
            case NONE -> f;
            case L1 -> byMean(f, f.abs());
            case SOFTPLUS_MEAN -> {
                Tensor positive = torch.softplus(f);
                yield byMean(positive, positive);
            }
        };
    }

    private static Tensor byMean(Tensor f, Tensor size) {
        Tensor mean = size.mean(new long[] {1}, true, new ScalarTypeOptional());
        // a row without a size has no scale: it is divided by one, or its gradient would be no number
        Tensor none = mean.detach().le(Tensors.scalar(NOTHING)).to(mean.scalar_type());
        return f.div(mean.add(none));
    }
}
