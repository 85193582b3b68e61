package dev.holdfast.loss;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Softmax cross entropy of each row: {@code -sum_c q_c log softmax(scores)_c} with q the class of the row or its soft
 * target, mixed with the uniform distribution over the K columns that take part: {@code q = (1 - smoothing) p +
 * smoothing / K}. Columns that take no part have probability 0.
 *
 * <p>Where the columns are at several levels of a hierarchy, each level has a softmax of its own, and a row is compared
 * with that of its class's level: a network with one head a level (Lee et al., arXiv 2308.14374). K is then the level's
 * number of columns; a soft target may be spread over levels, whose terms add up.
 *
 * <p>Label smoothing: Szegedy et al., arXiv 1512.00567, section 7. Pure; safe from any thread.
 *
 * @param smoothing in [0, 1)
 */
public record CrossEntropy(double smoothing, LossValue.Reduction reduction) implements Loss, Stateless {
    private static final long NO_REDUCTION = 0;
    private static final long NOTHING_IGNORED = -100;

    /**
     * Cross entropy, mean over the rows.
     *
     * @param smoothing share of the uniform distribution in the target, in [0, 1)
     */
    public record Config(@Doc("share of the uniform distribution in the target (label smoothing)") double smoothing)
            implements LossConfig {
        public Config {
            new CrossEntropy(smoothing, LossValue.Reduction.MEAN);
        }

        /** Without smoothing. */
        public Config() {
            this(0);
        }

        @Override
        public String kind() {
            return "cross-entropy";
        }

        @Override
        public CrossEntropy build(Schema schema) {
            return new CrossEntropy(smoothing, LossValue.Reduction.MEAN);
        }
    }

    public CrossEntropy {
        if (!(smoothing >= 0 && smoothing < 1)) {
            throw new IllegalArgumentException("Label smoothing must be in [0, 1) but is " + smoothing + ".");
        }
    }

    /** The mean over the rows, without smoothing. */
    public CrossEntropy() {
        this(0, LossValue.Reduction.MEAN);
    }

    @Override
    public LossValue value(LossInput in) {
        return new SampleLosses("cross-entropy", perSample(in), reduction);
    }

    private Tensor perSample(LossInput in) {
        Tensor scores = Columns.among(in.scores(), in);
        Levels levels = Levels.of(in);
        if (levels.several()) {
            return perLevel(scores, levels, in);
        }
        if (in.target() instanceof Target.ClassIds hard) {
            return torch.cross_entropy_loss(
                    scores,
                    Tensors.ids(Columns.of(hard, in)),
                    new TensorOptional(),
                    NO_REDUCTION,
                    NOTHING_IGNORED,
                    smoothing);
        }
        if (in.target() instanceof Target.Soft soft) {
            Columns.requireLike("Soft targets", soft.p(), in);
            Tensor q = Columns.among(soft.p(), in).to(scores.scalar_type());
            if (in.among() != null) {
                requireWholeMass(soft.p(), q);
            }
            if (smoothing > 0) {
                q = q.mul(Tensors.scalar(1 - smoothing)).add(Tensors.scalar(smoothing / scores.size(1)));
            }
            return q.mul(scores.log_softmax(1)).sum(1).neg();
        }
        throw Columns.unfit("Cross entropy", "one class or one distribution a row", in);
    }

    /** {@code -sum_c q_c ln p_c} with p normalised inside each level. */
    private Tensor perLevel(Tensor scores, Levels levels, LossInput in) {
        Tensor lnP = levels.logSoftmax(scores);
        if (in.target() instanceof Target.ClassIds hard) {
            int[] column = Columns.of(hard, in);
            Tensor own =
                    lnP.gather(1, Tensors.ids(column).unsqueeze(1)).squeeze(1).neg();
            if (smoothing == 0) {
                return own;
            }
            Tensor even = lnP.mul(levels.uniform(column, scores)).sum(1).neg();
            return own.mul(Tensors.scalar(1 - smoothing)).add(even, Tensors.scalar(smoothing));
        }
        if (in.target() instanceof Target.Soft soft) {
            Columns.requireLike("Soft targets", soft.p(), in);
            Tensor q = Columns.among(soft.p(), in).to(scores.scalar_type());
            if (in.among() != null) {
                requireWholeMass(soft.p(), q);
            }
            if (smoothing > 0) {
                q = q.mul(Tensors.scalar(1 - smoothing)).add(levels.spread(q), Tensors.scalar(smoothing));
            }
            return q.mul(lnP).sum(1).neg();
        }
        throw Columns.unfit("Cross entropy", "one class or one distribution a row", in);
    }

    private static void requireWholeMass(Tensor p, Tensor kept) {
        try (Scope s = Scope.open()) {
            double[] all = Tensors.doubles(p.sum(1));
            double[] left = Tensors.doubles(kept.sum(1));
            for (int i = 0; i < all.length; i++) {
                if (Math.abs(all[i] - left[i]) > 1e-5) {
                    throw new IllegalArgumentException("Row " + i + " has " + (all[i] - left[i])
                            + " of its soft target on columns that take no part in this loss.");
                }
            }
        }
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
