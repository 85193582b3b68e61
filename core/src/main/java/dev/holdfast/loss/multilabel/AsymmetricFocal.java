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
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Binary cross entropy in which easy entries weigh less, absent labels by another power than present ones:
 *
 * <pre>
 * - y (1-p)^gammaPos ln p - (1-y) m^gammaNeg ln(1-m),    m = max(p - clip, 0)
 * </pre>
 *
 * <p>With equal powers and clip 0 the focal loss (Lin et al., <i>Focal Loss for Dense Object Detection</i>, arXiv
 * 1708.02002); with others the asymmetric loss (Ridnik et al., <i>Asymmetric Loss For Multi-Label Classification</i>,
 * arXiv 2009.14119). Summed over labels and rows. Pure; safe from any thread.
 *
 * @param detach no gradient through the powers, as in the authors' code of the asymmetric loss
 */
public record AsymmetricFocal(double gammaPos, double gammaNeg, double clip, boolean detach)
        implements Loss, Stateless {
    private static final double LEAST = 1e-8;

    public AsymmetricFocal {
        if (!(gammaPos >= 0 && gammaNeg >= 0 && clip >= 0 && clip < 1) || Double.isInfinite(gammaPos + gammaNeg)) {
            throw new IllegalArgumentException("Expected finite gammas >= 0 and clip in [0, 1) but got gammaPos "
                    + gammaPos + ", gammaNeg " + gammaNeg + " and clip " + clip + ".");
        }
    }

    /** {@code asl}: the asymmetric loss. */
    public record Asymmetric(
            @Doc("focus on hard entries of present labels") double gammaPos,
            @Doc("focus on hard entries of absent labels") double gammaNeg,
            @Doc("probability below which an absent label costs nothing") double clip)
            implements LossConfig {
        public Asymmetric {
            new AsymmetricFocal(gammaPos, gammaNeg, clip, true);
        }

        /** The paper's gammas 1 and 4, clip 0.05. */
        public Asymmetric() {
            this(1, 4, 0.05);
        }

        @Override
        public String kind() {
            return "asl";
        }

        @Override
        public boolean forMissingLabels() {
            return true;
        }

        @Override
        public AsymmetricFocal build(Schema schema) {
            return new AsymmetricFocal(gammaPos, gammaNeg, clip, true);
        }
    }

    /** {@code focal}: the focal loss. */
    public record Focal(@Doc("focus on hard entries") double gamma) implements LossConfig {
        public Focal {
            new AsymmetricFocal(gamma, gamma, 0, false);
        }

        /** The paper's gamma 2. */
        public Focal() {
            this(2);
        }

        @Override
        public String kind() {
            return "focal";
        }

        @Override
        public AsymmetricFocal build(Schema schema) {
            return new AsymmetricFocal(gamma, gamma, 0, false);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        LabelMatrix m = LabelMatrix.of("An asymmetric focal loss", in);
        Tensor z = m.scores();
        Tensor y = m.labels();
        Tensor lnP = torch.log_sigmoid(z);
        Tensor lnQ = torch.log_sigmoid(z.neg());
        Tensor onPos = weight(lnQ, gammaPos);
        Tensor onNeg;
        if (clip > 0) {
            Scalar zero = Tensors.scalar(0);
            Tensor shifted = z.sigmoid().sub(Tensors.scalarLike(z, clip)).clamp_min(zero);
            lnQ = shifted.neg()
                    .add(Tensors.scalar(1))
                    .clamp_min(Tensors.scalar(LEAST))
                    .log();
            onNeg = detached(shifted.clamp_min(Tensors.scalar(LEAST))).pow(Tensors.scalar(gammaNeg));
        } else {
            onNeg = weight(lnP, gammaNeg);
        }
        Tensor absent = Tensors.scalarLike(y, 1).sub(y);
        Tensor each = y.mul(onPos).mul(lnP).add(absent.mul(onNeg).mul(lnQ)).neg();
        return new SampleLosses("asymmetric-focal", m.sums(each), LossValue.Reduction.SUM);
    }

    private Tensor weight(Tensor ln, double gamma) {
        return detached(ln).mul(Tensors.scalar(gamma)).exp();
    }

    private Tensor detached(Tensor t) {
        return detach ? t.detach() : t;
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SIGMOID_LOGITS;
    }
}
