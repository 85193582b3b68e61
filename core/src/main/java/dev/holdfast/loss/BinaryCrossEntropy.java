package dev.holdfast.loss;

import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
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

    /** The mean over labels and rows. */
    public BinaryCrossEntropy() {
        this(true, LossValue.Reduction.MEAN);
    }

    @Override
    public LossValue value(LossInput in) {
        return new SampleLosses("binary-cross-entropy", perSample(in), reduction);
    }

    private Tensor perSample(LossInput in) {
        Tensor scores = Columns.among(in.scores(), in);
        Tensor y;
        Tensor known = null;
        if (in.target() instanceof Target.ClassIds hard) {
            y = Tensors.oneHot(Columns.of(hard, in), (int) scores.size(1), scores);
        } else if (in.target() instanceof Target.MultiLabel many) {
            Columns.requireLike("Label sets", many.y(), in);
            y = Columns.among(many.y(), in).to(scores.scalar_type());
            known = many.known() == null
                    ? null
                    : Columns.among(many.known(), in).to(scores.scalar_type());
        } else {
            throw Columns.unfit("Binary cross entropy", "label sets", in);
        }
        Tensor each = torch.binary_cross_entropy_with_logits(
                scores, y, new TensorOptional(), new TensorOptional(), NO_REDUCTION);
        if (known == null) {
            return meanOverLabels ? each.mean(1) : each.sum(1);
        }
        Tensor sum = each.mul(known).sum(1);
        return meanOverLabels ? sum.div(known.sum(1).clamp_min(Tensors.scalar(1))) : sum;
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SIGMOID_LOGITS;
    }
}
