package dev.holdfast.loss.stable;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.Stateless;

/**
 * Cross entropy whose softmax is computed in a precision of its own, from scores in any: how long it takes until the label's
 * probability rounds to 1 (a lead over one rival of about 7.6, 16.6 or 36.7). Pure; safe from any thread.
 *
 * <p>Prieto et al.: <i>Grokking at the Edge of Numerical Stability</i>, arXiv 2501.04697, section 3.
 *
 * @param precision of the softmax
 */
public record PreciseCrossEntropy(Precision precision) implements Loss, Stateless {
    /** Cross entropy in a precision of its own, mean over the rows. */
    public record Config(@Doc("precision of the softmax") Precision precision) implements LossConfig {
        /** In float64. */
        public Config() {
            this(Precision.FLOAT64);
        }

        @Override
        public String kind() {
            return "precise-cross-entropy";
        }

        @Override
        public PreciseCrossEntropy build(Schema schema) {
            return new PreciseCrossEntropy(precision);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        return new CrossEntropy()
                .value(new LossInput(
                        in.scores().to(precision.dtype()),
                        in.target(),
                        in.rows(),
                        in.columns(),
                        in.side(),
                        in.training(),
                        in.among()));
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
