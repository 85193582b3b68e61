package dev.holdfast.loss.robust;

import dev.holdfast.data.Schema;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/** Distances of the predicted distribution from the label. Soft targets weigh the classes. */
public final class ProbabilityError {
    private ProbabilityError() {}

    /**
     * Mean absolute error {@code sum_k |e_y - p|_k = 2 (1 - p_y)}: symmetric, so that symmetric noise does not move its
     * minimum, and slow to fit.
     *
     * <p>Ghosh, Kumar, Sastry: <i>Robust Loss Functions under Label Noise for Deep Neural Networks</i>, arXiv 1712.09482.
     */
    public record Absolute() implements LossConfig {
        @Override
        public String kind() {
            return "mae";
        }

        @Override
        public Loss build(Schema schema) {
            return new RowLoss("mean-absolute-error", "The mean absolute error", lnP -> lnP.expm1()
                    .mul(Tensors.scalar(-2)));
        }
    }

    /** Squared error {@code sum_k (e_y - p)_k^2}, the Brier score. */
    public record Squared() implements LossConfig {
        @Override
        public String kind() {
            return "mse";
        }

        @Override
        public Loss build(Schema schema) {
            return new RowLoss("squared-error", "The squared error", lnP -> {
                Tensor p = lnP.exp();
                return p.mul(p).sum(1).unsqueeze(1).sub(p, Tensors.scalar(2)).add(Tensors.scalar(1));
            });
        }
    }
}
