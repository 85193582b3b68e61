package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.loss.SampleTable;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * LDR-KL with a temperature of its own for every training sample, kept by its id:
 *
 * <pre>
 * observe:  p = softmax(f / lambda_i), p := (p + smooth) / sum;   lambda_i := lambda0 - lambda0 KL(p, 1/K) / (alpha log K)
 * value:    lambda_i log( (1/K) sum_k exp(delta_k / lambda_i) ) - (alpha log K / (2 lambda0)) (lambda_i - lambda0)^2
 * </pre>
 *
 * <p>f are the scores on their scale, delta_k = f_k - f_y + margin for k != y and 0 for k = y. A sample starts at lambda0,
 * where all rivals count; the surer the network is about it, whatever its label, the lower its temperature, down to
 * lambda0 (1 - 1/alpha). lambda_i is a constant for the gradient. It moves in {@link #observe} in training and nowhere
 * else. As alpha grows this becomes LDR-KL at lambda0. One class a row; ids are those of the training set. One thread.
 *
 * <p>Zhu, Ying, Yang: <i>Label Distributionally Robust Losses for Multi-class Classification: Consistency, Robustness and
 * Adaptivity</i>, arXiv 2112.14869, section 5 and algorithm 1; scale and smoothing as in the authors' code.
 */
public final class AldrKl implements Loss {
    /** From what the distribution over rivals is taken that moves a temperature. */
    public enum From {
        /** From the scores, as in the authors' code. */
        SCORES,
        /** From the margins: the exact maximiser of the paper's inner problem. */
        DELTAS
    }

    /**
     * @param lambda0 temperature at the start and the highest, > 0
     * @param alpha how little temperatures may fall, > 1: the lowest is lambda0 (1 - 1/alpha)
     * @param margin >= 0
     * @param scale what is done to the scores first
     * @param smooth added to every p before its logarithm is taken, >= 0
     * @param duplicates what to do when a batch names a sample twice
     */
    public record Config(
            @Doc("temperature of every sample at the start, > 0") double lambda0,
            @Doc("how little temperatures may fall, > 1: the lowest is lambda0 (1 - 1/alpha)") double alpha,
            @Doc("by how much the labelled class should win, >= 0") double margin,
            @Doc("what is done to the scores first") ScoreScale scale,
            @Doc("whether scores or margins move a temperature") From from,
            @Doc("added to every probability before its logarithm is taken") double smooth,
            @Doc("precision of the temperatures") SampleTable.Precision precision,
            @Doc("what to do when a batch names a sample twice") SampleTable.Duplicates duplicates)
            implements LossConfig {
        public Config {
            if (!(lambda0 > 0) || Double.isInfinite(lambda0)) {
                throw new IllegalArgumentException("lambda0 must be finite and > 0 but is " + lambda0 + ".");
            }
            if (!(alpha > 1) || Double.isInfinite(alpha)) {
                throw new IllegalArgumentException(
                        "alpha must be finite and > 1, or a temperature could reach 0, but is " + alpha + ".");
            }
            Margins.requireMargin(margin);
            if (!(smooth >= 0 && smooth <= 1)) {
                throw new IllegalArgumentException("smooth must be in [0, 1] but is " + smooth + ".");
            }
        }

        /** The authors' defaults at lambda0 = 1. */
        public Config() {
            this(1);
        }

        /** The authors' defaults: alpha 2, margin 0.1, the l1 scale. */
        public Config(double lambda0) {
            this(
                    lambda0,
                    2,
                    0.1,
                    ScoreScale.L1,
                    From.SCORES,
                    1e-5,
                    SampleTable.Precision.FLOAT32,
                    SampleTable.Duplicates.REFUSE);
        }

        @Override
        public String kind() {
            return "aldr-kl";
        }

        @Override
        public boolean forWrongLabels() {
            return true;
        }

        @Override
        public List<Config> grid() {
            return Stream.of(0.1, 1.0, 10.0)
                    .map(l -> new Config(l, alpha, margin, scale, from, smooth, precision, duplicates))
                    .toList();
        }

        @Override
        public AldrKl build(Schema schema) {
            Margins.requireTwoClasses(schema.classes().size(), "ALDR-KL");
            return new AldrKl(this);
        }

        @Override
        public boolean remembersSamples() {
            return true;
        }
    }

    private final Config config;
    private final SampleTable lambdas;

    public AldrKl(Config config) {
        this.config = config;
        this.lambdas = new SampleTable(1, config.lambda0, config.precision, config.duplicates);
    }

    public Config config() {
        return config;
    }

    /** The temperatures by sample id, one number each; a sample that was never observed has lambda0. */
    public SampleTable temperatures() {
        return lambdas;
    }

    /** Refuses rows without a stable id each, and samples that come twice unless the last wins. */
    @Override
    public void requireFits(Rows rows) {
        SampleTable.requireFit(rows.ids(), config.duplicates);
    }

    /** Moves the temperatures of the rows by one step of the alternation; does nothing in evaluation. */
    @Override
    public void observe(LossInput in) {
        if (!in.training()) {
            return;
        }
        try (Scope s = Scope.open()) {
            Tensors.requireFinite("Scores for the temperatures", in.scores());
            requireFits(in.rows());
            Margins m = margins(in);
            long k = m.deltas().size(1);
            if (k < 2) {
                return;
            }
            Tensor g = (config.from == From.SCORES ? m.scores() : m.deltas()).detach();
            Tensor p = g.div(lambdas.read(in.rows().ids(), g)).softmax(1).add(Tensors.scalar(config.smooth));
            p = p.div(p.sum(1).unsqueeze(1));
            // 0 log 0 = 0
            Tensor kl = p.xlogy(p.mul(Tensors.scalar(k))).sum(1);
            Tensor lambda = kl.mul(Tensors.scalar(-config.lambda0 / (config.alpha * Math.log(k))))
                    .add(Tensors.scalar(config.lambda0));
            lambdas.write(in.rows().ids(), lambda.unsqueeze(1));
        }
    }

    /** The losses of the rows at their present temperatures. */
    @Override
    public LossValue value(LossInput in) {
        Margins m = margins(in);
        Tensor lambda = lambdas.read(in.rows().ids(), m.deltas());
        Tensor away = lambda.squeeze(1).sub(Tensors.scalar(config.lambda0));
        double weight = config.alpha * Math.log(m.deltas().size(1)) / (2 * config.lambda0);
        Tensor loss = Margins.softMaximum(m.deltas(), lambda).sub(away.mul(away), Tensors.scalar(weight));
        return new SampleLosses("aldr-kl", loss, LossValue.Reduction.MEAN);
    }

    private Margins margins(LossInput in) {
        return Margins.of(in, config.margin, config.scale, "ALDR-KL");
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }

    @Override
    public State state() {
        return new State().put("temperatures", lambdas);
    }

    @Override
    public void load(State saved) {
        State t = saved.child("temperatures");
        Tensor rows = t.tensor("rows");
        Tensors.requireShape("saved temperatures", rows, -1, 1);
        requirePositive(rows);
        lambdas.load(t);
    }

    private static void requirePositive(Tensor rows) {
        for (double l : Tensors.doubles(rows)) {
            if (!(l > 0)) {
                throw new IllegalArgumentException("A saved temperature is " + l + "; expected numbers > 0.");
            }
        }
    }
}
