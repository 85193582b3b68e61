package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Losses of two parts: {@code weight NCE + (10 - weight) passive}, with the normalised cross entropy {@code NCE = log p_y /
 * sum_k log p_k}, robust but slow to fit, and one that presses the other classes down. Soft targets weigh the classes.
 *
 * <p>Ma et al.: <i>Normalized Loss Functions for Deep Learning with Noisy Labels</i>, arXiv 2006.13554; Zhou et al.:
 * <i>Asymmetric Loss Functions for Learning with Noisy Labels</i>, arXiv 2106.03110.
 */
public final class NormalisedCe {
    private static final double SUM = 10;
    private static final double SMALLEST = 1e-12;
    /** -log of what stands for a probability of 0. */
    private static final double LOG_ZERO = -Math.log(1e-4);

    private NormalisedCe() {}

    /**
     * With reverse cross entropy {@code -log(1e-4) (1 - p_y)}.
     *
     * @param weight of the normalised cross entropy, in [0, 10]; the other part has the rest
     */
    public record WithReverse(
            @Doc("weight of the normalised cross entropy; the other part has 10 - weight") double weight)
            implements LossConfig {
        public WithReverse {
            requireWeight(weight);
        }

        public WithReverse() {
            this(5);
        }

        @Override
        public String kind() {
            return "nce-rce";
        }

        @Override
        public List<LossConfig> grid() {
            return weights(WithReverse::new);
        }

        @Override
        public Loss build(Schema schema) {
            return both(kind(), weight, lnP -> lnP.expm1().mul(Tensors.scalar(-LOG_ZERO)));
        }
    }

    /**
     * With the asymmetric generalised cross entropy {@code ((a+1)^q - (a+p_y)^q) / q}.
     *
     * @param weight of the normalised cross entropy, in [0, 10]
     * @param a > 0
     * @param q > 0
     */
    public record WithAgce(
            @Doc("weight of the normalised cross entropy; the other part has 10 - weight") double weight,
            @Doc("> 0") double a,
            @Doc("> 0") double q)
            implements LossConfig {
        public WithAgce {
            requireWeight(weight);
            requirePositive("a", a, 0);
            requirePositive("q", q, 0);
        }

        /** a = 3, q = 1.5. */
        public WithAgce() {
            this(5, 3, 1.5);
        }

        @Override
        public String kind() {
            return "nce-agce";
        }

        @Override
        public List<LossConfig> grid() {
            return weights(w -> new WithAgce(w, a, q));
        }

        @Override
        public Loss build(Schema schema) {
            return both(kind(), weight, lnP -> power(lnP.exp().add(Tensors.scalar(a)), q)
                    .neg()
                    .add(Tensors.scalar(Math.pow(a + 1, q)))
                    .div(Tensors.scalar(q)));
        }
    }

    /**
     * With the asymmetric unhinged loss {@code ((a-p_y)^q - (a-1)^q) / q}.
     *
     * @param weight of the normalised cross entropy, in [0, 10]
     * @param a > 1
     * @param q > 0
     */
    public record WithAul(
            @Doc("weight of the normalised cross entropy; the other part has 10 - weight") double weight,
            @Doc("> 1") double a,
            @Doc("> 0") double q)
            implements LossConfig {
        public WithAul {
            requireWeight(weight);
            requirePositive("a", a, 1);
            requirePositive("q", q, 0);
        }

        /** a = 6, q = 1.5. */
        public WithAul() {
            this(5, 6, 1.5);
        }

        @Override
        public String kind() {
            return "nce-aul";
        }

        @Override
        public List<LossConfig> grid() {
            return weights(w -> new WithAul(w, a, q));
        }

        @Override
        public Loss build(Schema schema) {
            return both(kind(), weight, lnP -> power(lnP.exp().neg().add(Tensors.scalar(a)), q)
                    .sub(Tensors.scalar(Math.pow(a - 1, q)))
                    .div(Tensors.scalar(q)));
        }
    }

    private static Loss both(String name, double weight, UnaryOperator<Tensor> passive) {
        return new RowLoss(name, "Normalised cross entropy", lnP -> {
            // with a single column all logarithms are 0, and so is their share
            Tensor sum = lnP.sum(1).clamp_max(Tensors.scalar(-SMALLEST)).unsqueeze(1);
            return lnP.div(sum).mul(Tensors.scalar(weight)).add(passive.apply(lnP), Tensors.scalar(SUM - weight));
        });
    }

    private static Tensor power(Tensor t, double q) {
        return t.pow(new Scalar(q));
    }

    private static List<LossConfig> weights(DoubleFunction<LossConfig> of) {
        return Stream.of(0.1, 5.0, 9.9).map(of::apply).toList();
    }

    private static void requireWeight(double weight) {
        if (!(weight >= 0 && weight <= SUM)) {
            throw new IllegalArgumentException(
                    "The weight of the normalised cross entropy must be in [0, 10] but is " + weight + ".");
        }
    }

    private static void requirePositive(String what, double v, double above) {
        if (!(v > above) || Double.isInfinite(v)) {
            throw new IllegalArgumentException(what + " must be finite and > " + above + " but is " + v + ".");
        }
    }
}
