package dev.holdfast.loss;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Cross entropy of every label for itself, from sigmoid logits: {@code -y log s(z) - (1-y) log(1 - s(z))}, summed or
 * averaged over the labels of a row that take part and are known. One class a row counts as one label set, all other
 * labels unset. Pure; safe from any thread.
 *
 * @param meanOverLabels true divides by the number of labels that counted, false sums
 */
public record BinaryCrossEntropy(boolean meanOverLabels, LossValue.Reduction reduction) implements Loss, Stateless {
    private static final long NO_REDUCTION = 0;

    /**
     * Binary cross entropy, mean over the rows.
     *
     * @param meanOverLabels true divides by the number of labels that counted, false sums
     */
    public record Config(@Doc("divide by the number of labels instead of summing over them") boolean meanOverLabels)
            implements LossConfig {
        /** Divided by the number of labels. */
        public Config() {
            this(true);
        }

        @Override
        public String kind() {
            return "bce";
        }

        @Override
        public boolean forMissingLabels() {
            return true;
        }

        @Override
        public BinaryCrossEntropy build(Schema schema) {
            return new BinaryCrossEntropy(meanOverLabels, LossValue.Reduction.MEAN);
        }
    }

    /** The mean over labels and rows. */
    public BinaryCrossEntropy() {
        this(true, LossValue.Reduction.MEAN);
    }

    @Override
    public LossValue value(LossInput in) {
        return new SampleLosses("binary-cross-entropy", perSample(in), reduction);
    }

    private Tensor perSample(LossInput in) {
        LabelMatrix m = LabelMatrix.of("Binary cross entropy", in);
        Tensor each = torch.binary_cross_entropy_with_logits(
                m.scores(), m.labels(), new TensorOptional(), new TensorOptional(), NO_REDUCTION);
        Tensor sum = m.sums(each);
        if (!meanOverLabels) {
            return sum;
        }
        return m.known() == null
                ? sum.div(Tensors.scalar(each.size(1)))
                : sum.div(m.known().sum(1).clamp_min(Tensors.scalar(1)));
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SIGMOID_LOGITS;
    }
}
