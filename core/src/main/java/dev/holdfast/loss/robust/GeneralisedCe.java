package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Generalised cross entropy {@code (1 - p_y^q) / q}: cross entropy as q goes to 0, the mean absolute error (half of it)
 * at q = 1; rows that contradict the network weigh less the larger q is. Soft targets weigh the classes' losses. Pure;
 * safe from any thread.
 *
 * <p>Zhang, Sabuncu: <i>Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels</i>, arXiv
 * 1805.07836, equation 6.
 *
 * @param q in (0, 1]
 */
public record GeneralisedCe(double q) implements Loss, Stateless {
    public GeneralisedCe {
        if (!(q > 0 && q <= 1)) {
            throw new IllegalArgumentException(
                    "The exponent q of generalised cross entropy must be in (0, 1] but is " + q + ".");
        }
    }

    /**
     * Generalised cross entropy, mean over the rows.
     *
     * @param q in (0, 1]
     */
    public record Config(@Doc("exponent in (0, 1]: near 0 cross entropy, 1 absolute error") double q)
            implements LossConfig {
        public Config {
            new GeneralisedCe(q);
        }

        /** The paper's q = 0.7. */
        public Config() {
            this(0.7);
        }

        @Override
        public String kind() {
            return "gce";
        }

        @Override
        public boolean forWrongLabels() {
            return true;
        }

        @Override
        public GeneralisedCe build(Schema schema) {
            return new GeneralisedCe(q);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor scores = Columns.among(in.scores(), in);
        // powers of a log-softmax neither overflow nor divide
        Tensor each = scores.log_softmax(1).mul(Tensors.scalar(q)).expm1().mul(Tensors.scalar(-1 / q));
        Tensor perSample;
        if (in.target() instanceof Target.ClassIds hard) {
            int[] column = Columns.of(hard, in);
            perSample = each.gather(1, Tensors.ids(column).unsqueeze(1)).squeeze(1);
        } else if (in.target() instanceof Target.Soft soft) {
            Columns.requireLike("Soft targets", soft.p(), in);
            perSample =
                    Columns.among(soft.p(), in).to(each.scalar_type()).mul(each).sum(1);
        } else {
            throw Columns.unfit("Generalised cross entropy", "one class or one distribution a row", in);
        }
        return new SampleLosses("generalised-cross-entropy", perSample, LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
