package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * Label-distributionally robust loss over distributions p_k <= 1/k of labels: the mean of the k largest margins delta,
 * where the label itself competes with delta = 0. k = 1 is the Crammer-Singer loss, k = K the mean margin. While there are
 * fewer columns than k, all count. One class a row. Pure; safe from any thread.
 *
 * <p>Zhu, Ying, Yang, arXiv 2112.14869, section 3 (the family LDR-k).
 *
 * @param k >= 1
 * @param margin >= 0
 */
public record LdrK(int k, double margin, ScoreScale scale) implements Loss, Stateless {
    public LdrK {
        if (k < 1) {
            throw new IllegalArgumentException("k must be >= 1 but is " + k + ".");
        }
        Margins.requireMargin(margin);
    }

    /**
     * The loss, mean over the rows.
     *
     * @param k how many of the largest margins count, 1 to the number of classes
     * @param margin >= 0
     * @param scale what is done to the scores first
     */
    public record Config(
            @Doc("how many of the largest margins count, 1 to the number of classes") int k,
            @Doc("by how much the labelled class should win, >= 0") double margin,
            @Doc("what is done to the scores first") ScoreScale scale)
            implements LossConfig {
        public Config {
            new LdrK(k, margin, scale);
        }

        /** The two largest margins, with the authors' margin and scale of LDR-KL. */
        public Config() {
            this(2, 0.1, ScoreScale.SOFTPLUS_MEAN);
        }

        @Override
        public String kind() {
            return "ldr-k";
        }

        @Override
        public List<Config> grid() {
            return Stream.of(2, 3, 5).map(l -> new Config(l, margin, scale)).toList();
        }

        @Override
        public LdrK build(Schema schema) {
            Margins.requireTwoClasses(schema.classes().size(), "LDR-k");
            if (k > schema.classes().size()) {
                throw new IllegalArgumentException("LDR-k takes the k largest of "
                        + schema.classes().size() + " margins but k is " + k + "; expected 1 to "
                        + schema.classes().size() + ".");
            }
            return new LdrK(k, margin, scale);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor deltas = Margins.of(in, margin, scale, "LDR-k").deltas();
        long count = Math.min(k, deltas.size(1));
        Tensor largest = deltas.topk(count, 1, true, false).get0();
        return new SampleLosses("ldr-k", largest.sum(1).div(Tensors.scalar(count)), LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
