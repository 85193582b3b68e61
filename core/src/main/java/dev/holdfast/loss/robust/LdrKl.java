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

/**
 * Label-distributionally robust loss with a Kullback-Leibler regulariser: the worst average of the margins delta_k over
 * distributions p of labels, where leaving the uniform one costs lambda:
 *
 * <pre>
 * max_p sum_k p_k delta_k - lambda KL(p, 1/K)  =  lambda log( (1/K) sum_k exp(delta_k / lambda) )
 * delta_k = f_k - f_y + margin for k != y, 0 for k = y;  f = scores on their scale
 * </pre>
 *
 * <p>lambda = 1 without margin and scale is cross entropy less log K; lambda to 0 the Crammer-Singer loss, lambda to
 * infinity the mean margin, which is symmetric and thus blind to symmetric noise. Top-k consistent for every k. With a
 * single column there is nothing to compare and the loss is 0. One class a row. Pure; safe from any thread.
 *
 * <p>Zhu, Ying, Yang: <i>Label Distributionally Robust Losses for Multi-class Classification: Consistency, Robustness and
 * Adaptivity</i>, arXiv 2112.14869, section 3; the scale is that of the authors' code.
 *
 * @param lambda temperature, > 0
 * @param margin >= 0
 */
public record LdrKl(double lambda, double margin, ScoreScale scale) implements Loss, Stateless {
    public LdrKl {
        if (!(lambda > 0) || Double.isInfinite(lambda)) {
            throw new IllegalArgumentException("lambda must be finite and > 0 but is " + lambda + ".");
        }
        Margins.requireMargin(margin);
    }

    /**
     * The loss, mean over the rows.
     *
     * @param lambda temperature, > 0
     * @param margin >= 0
     * @param scale what is done to the scores first
     */
    public record Config(
            @Doc("temperature > 0: small = the worst rival counts, large = all rivals alike") double lambda,
            @Doc("by how much the labelled class should win, >= 0") double margin,
            @Doc("what is done to the scores first") ScoreScale scale)
            implements LossConfig {
        public Config {
            new LdrKl(lambda, margin, scale);
        }

        /** The authors' margin and scale at lambda = 1. */
        public Config() {
            this(1);
        }

        /** The authors' margin and scale. */
        public Config(double lambda) {
            this(lambda, 0.1, ScoreScale.SOFTPLUS_MEAN);
        }

        @Override
        public String kind() {
            return "ldr-kl";
        }

        @Override
        public boolean forWrongLabels() {
            return true;
        }

        @Override
        public List<Config> grid() {
            return Stream.of(0.1, 1.0, 10.0)
                    .map(l -> new Config(l, margin, scale))
                    .toList();
        }

        @Override
        public LdrKl build(Schema schema) {
            Margins.requireTwoClasses(schema.classes().size(), "LDR-KL");
            return new LdrKl(lambda, margin, scale);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Margins m = Margins.of(in, margin, scale, "LDR-KL");
        return new SampleLosses(
                "ldr-kl",
                Margins.softMaximum(m.deltas(), Tensors.scalarLike(m.deltas(), lambda)),
                LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
