package dev.holdfast.loss;

import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Squared distance of each row's scores from its values, summed or averaged over the columns that take part. One class a
 * row counts as the value 1 in its column and 0 in all others. Pure; safe from any thread.
 */
public record SquaredError(boolean meanOverColumns, LossValue.Reduction reduction) implements Loss, Stateless {
    /** The mean over columns and rows. */
    public SquaredError() {
        this(true, LossValue.Reduction.MEAN);
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor scores = Columns.among(in.scores(), in);
        Tensor y;
        if (in.target() instanceof Target.ClassIds hard) {
            y = Tensors.oneHot(Columns.of(hard, in), (int) scores.size(1), scores);
        } else if (in.target() instanceof Target.Values values) {
            Columns.requireLike("Values", values.y(), in);
            y = Columns.among(values.y(), in).to(scores.scalar_type());
        } else {
            throw Columns.unfit("Squared error", "values", in);
        }
        Tensor each = scores.sub(y).square();
        return new SampleLosses("squared-error", meanOverColumns ? each.mean(1) : each.sum(1), reduction);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.VALUES;
    }
}
