package dev.holdfast.loss.multilabel;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.LabelMatrix;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Two losses that expect some absent labels to be missing ones, both with a focal margin on present labels, {@code
 * -(1-q)^gamma ln q} with {@code q = sigmoid(z - margin)}. Summed over labels and rows.
 *
 * <ul>
 *   <li>{@code hill}: an absent label costs {@code (lambda - p) p^2}, which falls again where p is near 1.
 *   <li>{@code splc}: from epoch {@code from} on an absent label with {@code p > tau} counts as present; else it costs
 *       {@code -p^gamma ln(1-p)}.
 * </ul>
 *
 * <p>Zhang et al.: <i>Simple and Robust Loss Design for Multi-Label Learning with Missing Labels</i>, arXiv 2112.07368,
 * equations 8 to 11. Pure; safe from any thread.
 */
public record RobustNegative(double gamma, double margin, Hill hill, Splc splc) implements Loss, Stateless {
    /** @param lambda where an absent label stops to cost more, >= 1 */
    public record Hill(
            @Doc("focus on hard entries of present labels") double gamma,
            @Doc("taken off the logits of present labels") double margin,
            @Doc("(lambda - p) p^2 is what an absent label costs") double lambda)
            implements LossConfig {
        public Hill {
            requireFocus(gamma, margin);
            if (!(lambda >= 1) || Double.isInfinite(lambda)) {
                throw new IllegalArgumentException("lambda must be finite and >= 1 but is " + lambda + ".");
            }
        }

        /** The paper's gamma 2, margin 1, lambda 1.5. */
        public Hill() {
            this(2, 1, 1.5);
        }

        @Override
        public String kind() {
            return "hill";
        }

        @Override
        public boolean forMissingLabels() {
            return true;
        }

        @Override
        public RobustNegative build(Schema schema) {
            return new RobustNegative(gamma, margin, this, null);
        }
    }

    /** @param from epoch, counted from 0, from which labels are corrected */
    public record Splc(
            @Doc("focus on hard entries") double gamma,
            @Doc("taken off the logits of present labels") double margin,
            @Doc("probability above which an absent label counts as present") double tau,
            @Doc("first epoch, from 0, that corrects labels") int from)
            implements LossConfig {
        public Splc {
            requireFocus(gamma, margin);
            if (!(tau > 0 && tau <= 1) || from < 0) {
                throw new IllegalArgumentException(
                        "Expected tau in (0, 1] and from >= 0 but got " + tau + " and " + from + ".");
            }
        }

        /** The paper's gamma 2, margin 1, tau 0.6, from the second epoch on. */
        public Splc() {
            this(2, 1, 0.6, 1);
        }

        @Override
        public String kind() {
            return "splc";
        }

        @Override
        public boolean forMissingLabels() {
            return true;
        }

        @Override
        public RobustNegative build(Schema schema) {
            return new RobustNegative(gamma, margin, null, this);
        }
    }

    public RobustNegative {
        requireFocus(gamma, margin);
        if ((hill == null) == (splc == null)) {
            throw new IllegalArgumentException("Expected either hill or splc but got " + hill + " and " + splc + ".");
        }
    }

    private static void requireFocus(double gamma, double margin) {
        if (!(gamma >= 0) || Double.isInfinite(gamma) || !Double.isFinite(margin)) {
            throw new IllegalArgumentException(
                    "Expected a finite gamma >= 0 and a finite margin but got " + gamma + " and " + margin + ".");
        }
    }

    @Override
    public LossValue value(LossInput in) {
        LabelMatrix m = LabelMatrix.of("A loss for missing labels", in);
        Tensor z = m.scores();
        Tensor y = m.labels();
        Tensor p = z.sigmoid();
        if (splc != null && in.training() && in.rows().epoch() >= splc.from) {
            y = torch.maximum(y, p.detach().gt(Tensors.scalar(splc.tau)).to(y.scalar_type()));
        }
        Tensor shifted = z.sub(Tensors.scalarLike(z, margin));
        Tensor present = torch.log_sigmoid(shifted)
                .mul(torch.log_sigmoid(shifted.neg()).mul(Tensors.scalar(gamma)).exp())
                .neg();
        Tensor absent = hill != null
                ? Tensors.scalarLike(p, hill.lambda).sub(p).mul(p).mul(p)
                : torch.log_sigmoid(z.neg())
                        .mul(torch.log_sigmoid(z).mul(Tensors.scalar(gamma)).exp())
                        .neg();
        Tensor each = y.mul(present).add(Tensors.scalarLike(y, 1).sub(y).mul(absent));
        return new SampleLosses(hill != null ? "hill" : "splc", m.sums(each), LossValue.Reduction.SUM);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SIGMOID_LOGITS;
    }
}
