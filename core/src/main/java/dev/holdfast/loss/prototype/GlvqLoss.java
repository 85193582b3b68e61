package dev.holdfast.loss.prototype;

import dev.holdfast.data.Prediction;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Relative distance {@code (d+ - d-) / (d+ + d- + eps)} in [-1, 1] of the nearest own and the nearest other prototype, on
 * scores that are negative distances; 0 where there is no other class. Sato and Yamada, <i>Generalized Learning Vector
 * Quantization</i>, 1995, eq. 3. Pure; safe from any thread.
 *
 * @param eps > 0
 */
public record GlvqLoss(double eps) implements Loss, Stateless {
    public GlvqLoss {
        if (!(eps > 0) || Double.isInfinite(eps)) {
            throw new IllegalArgumentException("eps must be finite and > 0 but is " + eps + ".");
        }
    }

    /** With eps 1e-8. */
    public GlvqLoss() {
        this(1e-8);
    }

    /** Losses [B] with graph from negative distances [B, C]. */
    public Tensor perSample(Tensor scores, int... column) {
        if (scores.size(1) < 2) {
            return scores.sum(1).mul(Tensors.scalar(0));
        }
        Tensor[] ownAndOther = MarginLoss.ownAndOther(scores, column);
        Tensor plus = ownAndOther[0].neg();
        Tensor minus = ownAndOther[1].neg();
        return plus.sub(minus).div(plus.add(minus).add(Tensors.scalar(eps)));
    }

    @Override
    public LossValue value(LossInput in) {
        int[] column = MarginLoss.columns("The GLVQ loss", in);
        return new SampleLosses("glvq", perSample(Columns.among(in.scores(), in), column), LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SCORES;
    }
}
