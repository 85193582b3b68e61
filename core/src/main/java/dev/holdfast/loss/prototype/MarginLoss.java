package dev.holdfast.loss.prototype;

import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * By how much the best other class comes closer to the own one than the margin: {@code relu(max_other s - s_own + margin)}
 * on scores; 0 where there is no other class. Pure; safe from any thread.
 *
 * @param margin > 0 and finite
 */
public record MarginLoss(double margin) implements Loss, Stateless {
    public MarginLoss {
        if (!(margin > 0) || Double.isInfinite(margin)) {
            throw new IllegalArgumentException("The margin must be finite and > 0 but is " + margin + ".");
        }
    }

    /** Losses [B] with graph from scores [B, C]. */
    public Tensor perSample(Tensor scores, int... column) {
        Tensor[] ownAndOther = ownAndOther(scores, column);
        return ownAndOther[1].sub(ownAndOther[0]).add(Tensors.scalar(margin)).relu();
    }

    /** The score of the own class and the best of the others (minus infinity without any), each [B]. */
    static Tensor[] ownAndOther(Tensor scores, int... column) {
        Tensor own = scores.gather(1, Tensors.ids(column).unsqueeze(1)).squeeze(1);
        Tensor mine =
                Tensors.oneHot(column, (int) scores.size(1), scores.detach()).gt(Tensors.scalar(0.5));
        Tensor other =
                scores.masked_fill(mine, new Scalar(Double.NEGATIVE_INFINITY)).amax(new long[] {1}, false);
        return new Tensor[] {own, other};
    }

    @Override
    public LossValue value(LossInput in) {
        int[] column = columns("The margin loss", in);
        return new SampleLosses("margin", perSample(Columns.among(in.scores(), in), column), LossValue.Reduction.MEAN);
    }

    static int[] columns(String loss, LossInput in) {
        if (in.target() instanceof Target.ClassIds hard) {
            return Columns.of(hard, in);
        }
        throw Columns.unfit(loss, "one class a row", in);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SCORES;
    }
}
