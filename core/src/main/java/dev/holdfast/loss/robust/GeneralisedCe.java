package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Columns;
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
 * Generalised cross entropy {@code (1 - p_y^q) / q}: cross entropy as q goes to 0, the mean absolute error (half of it)
 * at q = 1; rows that contradict the network weigh less the larger q is. Soft targets weigh the classes' losses. Pure;
 * safe from any thread.
 *
 * <p>Zhang, Sabuncu: <i>Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels</i>, arXiv
 * 1805.07836, equations 6 and 9.
 *
 * @param q in (0, 1]
 * @param threshold in [0, 1): labels with less probability cost what this probability would, and teach nothing; 0 = all do
 */
public record GeneralisedCe(double q, double threshold) implements Loss, Stateless {
    public GeneralisedCe {
        if (!(q > 0 && q <= 1)) {
            throw new IllegalArgumentException(
                    "The exponent q of generalised cross entropy must be in (0, 1] but is " + q + ".");
        }
        if (!(threshold >= 0 && threshold < 1)) {
            throw new IllegalArgumentException(
                    "The threshold of generalised cross entropy must be in [0, 1) but is " + threshold + ".");
        }
    }

    /** Not truncated. */
    public GeneralisedCe(double q) {
        this(q, 0);
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
        public List<Config> grid() {
            return Stream.of(0.05, 0.7, 0.95).map(Config::new).toList();
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

    /**
     * Truncated generalised cross entropy, mean over the rows. At the start of a training labels have about 1/C: with a
     * threshold above it nothing is ever learnt.
     *
     * @param q in (0, 1]
     * @param threshold probability below which a label teaches nothing, in [0, 1)
     */
    public record Truncated(
            @Doc("exponent in (0, 1]: near 0 cross entropy, 1 absolute error") double q,
            @Doc("probability below which a label teaches nothing, in [0, 1)") double threshold)
            implements LossConfig {
        public Truncated {
            new GeneralisedCe(q, threshold);
        }

        /** The paper's q = 0.7 and threshold 0.5. */
        public Truncated() {
            this(0.7, 0.5);
        }

        @Override
        public String kind() {
            return "truncated-gce";
        }

        @Override
        public List<Truncated> grid() {
            return Stream.of(0.05, 0.7, 0.95)
                    .map(e -> new Truncated(e, threshold))
                    .toList();
        }

        @Override
        public GeneralisedCe build(Schema schema) {
            return new GeneralisedCe(q, threshold);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor scores = Columns.among(in.scores(), in);
        // powers of a log-softmax neither overflow nor divide
        Tensor each = scores.log_softmax(1).mul(Tensors.scalar(q)).expm1().mul(Tensors.scalar(-1 / q));
        if (threshold > 0) {
            each = each.clamp_max(Tensors.scalar((1 - Math.pow(threshold, q)) / q));
        }
        Tensor perSample = Columns.weigh(each, in, "Generalised cross entropy");
        return new SampleLosses("generalised-cross-entropy", perSample, LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
