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
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Cross entropy of a softmax whose exponential is replaced by a function that grows linearly, so that the label's
 * probability cannot round to 1 and its gradient cannot vanish while logits grow:
 *
 * <pre>
 * s(x) = x + 1 for x &gt;= 0, 1 / (1 - x) for x &lt; 0;    StableMax(z)_c = s(z_c) / sum_j s(z_j)
 * </pre>
 *
 * <p>This is the softmax of sign(x) log(1 + |x|), which is how it is computed: in float64, whatever the scores are; a float64
 * loss stays above 0 until (1 + z_y) (1 + |z_j|) exceeds 9e15 for every rival j. Targets and label smoothing as in {@link
 * CrossEntropy}. Pure; safe from any thread.
 *
 * <p>Prieto et al.: <i>Grokking at the Edge of Numerical Stability</i>, arXiv 2501.04697, section 4.
 *
 * @param smoothing label smoothing, in [0, 1)
 */
public record StableMax(double smoothing) implements Loss, Stateless {
    public StableMax {
        new CrossEntropy(smoothing, LossValue.Reduction.MEAN);
    }

    /** StableMax, mean over the rows. */
    public record Config(@Doc("share of the uniform distribution in the target (label smoothing)") double smoothing)
            implements LossConfig {
        public Config {
            new StableMax(smoothing);
        }

        /** Without smoothing. */
        public Config() {
            this(0);
        }

        @Override
        public String kind() {
            return "stablemax";
        }

        @Override
        public StableMax build(Schema schema) {
            return new StableMax(smoothing);
        }
    }

    /** s(x), for any shape. */
    public static Tensor s(Tensor x) {
        return logarithm(x).exp();
    }

    /** s'(x): 1 for x >= 0, 1 / (1 - x)^2 below. */
    public static Tensor slope(Tensor x) {
        Tensor below = x.clamp(new ScalarOptional(), new ScalarOptional(new Scalar(0)));
        return below.neg().add(Tensors.scalar(1)).pow(Tensors.scalar(-2));
    }

    /**
     * log s(x). The side that does not apply is held at 0, where its derivative is finite: with 1 / (1 - x) itself the unused
     * branch would give 0 times infinity at x = 1.
     */
    public static Tensor logarithm(Tensor x) {
        Tensor above = x.clamp(new ScalarOptional(new Scalar(0)), new ScalarOptional());
        Tensor below = x.clamp(new ScalarOptional(), new ScalarOptional(new Scalar(0)));
        return above.log1p().where(x.ge(new Scalar(0)), below.neg().log1p().neg());
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor g = logarithm(in.scores().to(ScalarType.Double));
        return new CrossEntropy(smoothing, LossValue.Reduction.MEAN)
                .value(new LossInput(g, in.target(), in.rows(), in.columns(), in.side(), in.training(), in.among()));
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
