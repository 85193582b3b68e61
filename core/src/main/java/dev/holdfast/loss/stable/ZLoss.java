package dev.holdfast.loss.stable;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Cross entropy plus {@code coefficient * log^2 Z}, where Z is the sum of a row's exponentiated scores. Cross entropy does
 * not feel a number that is added to all scores of a row, so scores can drift off together until they overflow; this keeps
 * log Z near 0. Its gradient is 2 c log Z softmax. Pure; safe from any thread.
 *
 * <p>Chowdhery et al.: <i>PaLM</i>, arXiv 2204.02311, section 5; Wortsman et al., arXiv 2309.14322, section 3.1.2.
 *
 * @param coefficient c, >= 0
 * @param smoothing label smoothing of the cross entropy, in [0, 1)
 */
public record ZLoss(double coefficient, double smoothing) implements Loss, Stateless {
    public ZLoss {
        if (!(coefficient >= 0) || Double.isInfinite(coefficient)) {
            throw new IllegalArgumentException(
                    "The coefficient of a z-loss must be finite and >= 0 but is " + coefficient + ".");
        }
        new CrossEntropy(smoothing, LossValue.Reduction.MEAN);
    }

    /** Cross entropy with the z-loss, mean over the rows. */
    public record Config(
            @Doc("weight of log^2 Z") double coefficient,
            @Doc("share of the uniform distribution in the target (label smoothing)") double smoothing)
            implements LossConfig {
        public Config {
            new ZLoss(coefficient, smoothing);
        }

        /** The published 1e-4, without smoothing. */
        public Config() {
            this(1e-4, 0);
        }

        @Override
        public String kind() {
            return "z-loss";
        }

        @Override
        public ZLoss build(Schema schema) {
            return new ZLoss(coefficient, smoothing);
        }
    }

    /** log^2 Z of each row of scores [n,k], over the columns that are not minus infinity: [n]. */
    public static Tensor term(Tensor scores) {
        return scores.logsumexp(new long[] {1}).square();
    }

    /** Both terms of every row, and their sum. */
    private record Value(SampleLosses whole, SampleLosses crossEntropy, SampleLosses z) implements LossValue {
        @Override
        public Tensor perSample() {
            return whole.perSample();
        }

        @Override
        public Tensor total(Tensor weights) {
            return whole.total(weights);
        }

        @Override
        public List<Term> parts() {
            return List.of(crossEntropy.parts().get(0), z.parts().get(0));
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor ce =
                new CrossEntropy(smoothing, LossValue.Reduction.MEAN).value(in).perSample();
        Tensor z = term(Columns.among(in.scores(), in)).mul(Tensors.scalar(coefficient));
        return new Value(named("z-loss", ce.add(z)), named("cross-entropy", ce), named("z", z));
    }

    private static SampleLosses named(String name, Tensor rows) {
        return new SampleLosses(name, rows, LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
