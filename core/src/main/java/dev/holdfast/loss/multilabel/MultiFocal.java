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
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Multi-focal modifier: binary cross entropy of every label in which easy entries weigh less, absent labels less than
 * present ones, and rare labels more than frequent ones. Summed over labels and rows, so a learning rate depends on the
 * batch size.
 *
 * <pre>
 * h_c = (1 - ln(n_c / max n))^e                                                 class factor
 * PAPER:     - y (1-p)^(g+ + w+ h) ln p - (1-y) p^(g- + w- h) ln(1-p)
 * RELEASED:  - h (1-q)^(y g+ + (1-y)(g- + h)) [y ln(p (1-a)) + (1-y) ln min(1, 1-p+clip)]
 * </pre>
 *
 * <p>RELEASED is what the authors' checkpoints came from: q is what stands in its logarithms, the power has no gradient, a is the {@linkplain
 * LabelCounts#attention co-occurrence attention}, and the second logarithm's number is multiplied by {@code boost} (at
 * most 1) where a is not 0.
 *
 * <p>Zhang et al.: <i>Learning in Imperfect Environment: Multi-Label Classification with Long-Tailed Distribution and
 * Partial Labels</i> (COMIC), arXiv 2304.10539, equations 5 and 6. One thread.
 */
public final class MultiFocal implements Loss {
    /** Which of the two. */
    public enum Form {
        /** Equations 5 and 6. */
        PAPER,
        /** The authors' code. */
        RELEASED
    }

    /**
     * @param gammaPos focus on hard entries of present labels, >= 0
     * @param gammaNeg focus on hard entries of absent labels, >= 0
     * @param tailPos PAPER: weight of the class factor in the power of present labels, >= 0
     * @param tailNeg PAPER: the same of absent labels, >= 0
     * @param exponent e of the class factor, >= 0
     * @param coOccurrence RELEASED: whether labels that go along with a row's labels are attended to
     * @param positiveNegative false: present labels are focused like absent ones
     * @param headTail false: the class factor is 1
     * @param clip RELEASED: added to the probability that a label is absent, in [0, 1)
     * @param boost RELEASED: factor on it, >= 1
     */
    public record Config(
            @Doc("PAPER = equations 5 and 6, RELEASED = the authors' code") Form form,
            @Doc("focus on hard entries of present labels") double gammaPos,
            @Doc("focus on hard entries of absent labels") double gammaNeg,
            @Doc("PAPER: weight of the class factor in the focus of present labels") double tailPos,
            @Doc("PAPER: weight of the class factor in the focus of absent labels") double tailNeg,
            @Doc("exponent of the class factor") double exponent,
            @Doc("RELEASED: attend to labels that go along with those of the row") boolean coOccurrence,
            @Doc("focus present and absent labels differently") boolean positiveNegative,
            @Doc("weigh rare labels more than frequent ones") boolean headTail,
            @Doc("RELEASED: added to the probability that a label is absent") double clip,
            @Doc("RELEASED: factor on it where the row's labels go along") double boost)
            implements LossConfig {
        public Config {
            if (form == null
                    || !(gammaPos >= 0 && gammaNeg >= 0 && tailPos >= 0 && tailNeg >= 0 && exponent >= 0)
                    || Double.isInfinite(gammaPos + gammaNeg + tailPos + tailNeg + exponent)) {
                throw new IllegalArgumentException("A multi-focal loss needs a form and finite numbers >= 0 but has "
                        + form + ", gammaPos " + gammaPos + ", gammaNeg " + gammaNeg + ", tailPos " + tailPos
                        + ", tailNeg " + tailNeg + ", exponent " + exponent + ".");
            }
            if (!(clip >= 0 && clip < 1) || !(boost >= 1) || Double.isInfinite(boost)) {
                throw new IllegalArgumentException(
                        "Expected clip in [0, 1) and a finite boost >= 1 but got " + clip + " and " + boost + ".");
            }
        }

        /** The released form: gammas 0 and 3, with co-occurrence. */
        public Config() {
            this(Form.RELEASED, 0, 3, 1, 1, 1.0 / 3, true, true, true, 0.05, 1.2);
        }

        /** The paper's equations: gammas 0 and 3, class factors with weight 1. */
        public static Config paper() {
            return new Config().with(Form.PAPER);
        }

        /** All powers and factors at nothing: binary cross entropy. */
        public static Config binaryCrossEntropy() {
            return new Config(Form.PAPER, 0, 0, 0, 0, 0, false, true, false, 0, 1);
        }

        public Config with(Form other) {
            return new Config(
                    other,
                    gammaPos,
                    gammaNeg,
                    tailPos,
                    tailNeg,
                    exponent,
                    coOccurrence,
                    positiveNegative,
                    headTail,
                    clip,
                    boost);
        }

        public Config withCoOccurrence(boolean on) {
            return new Config(
                    form, gammaPos, gammaNeg, tailPos, tailNeg, exponent, on, positiveNegative, headTail, clip, boost);
        }

        /** The same with one of its two factors, or both, switched off. */
        public Config with(boolean newPositiveNegative, boolean newHeadTail) {
            return new Config(
                    form,
                    gammaPos,
                    gammaNeg,
                    tailPos,
                    tailNeg,
                    exponent,
                    coOccurrence,
                    newPositiveNegative,
                    newHeadTail,
                    clip,
                    boost);
        }

        public Config withExponent(double newExponent) {
            return new Config(
                    form,
                    gammaPos,
                    gammaNeg,
                    tailPos,
                    tailNeg,
                    newExponent,
                    coOccurrence,
                    positiveNegative,
                    headTail,
                    clip,
                    boost);
        }

        @Override
        public String kind() {
            return "multi-focal";
        }

        @Override
        public boolean forMissingLabels() {
            return true;
        }

        /** A loss that counts the labels it observes. */
        @Override
        public MultiFocal build(Schema schema) {
            return new MultiFocal(this, new CountedLoss());
        }
    }

    private static final double LEAST = 1e-8;

    private final Config config;
    private final CountedLoss counts;

    private MultiFocal(Config config, CountedLoss counts) {
        this.config = config;
        this.counts = counts;
    }

    /** With counts that are known beforehand; what is observed does not change them. */
    public MultiFocal(Config config, LabelCounts counts) {
        this(config, new CountedLoss(counts));
    }

    public Config config() {
        return config;
    }

    /** Counts the labels of training rows, unless the counts were given. */
    @Override
    public void observe(LossInput in) {
        counts.observe("A multi-focal loss", in);
    }

    @Override
    public LossValue value(LossInput in) {
        LabelMatrix m = LabelMatrix.of("A multi-focal loss", in);
        Tensor each = each(config, m.scores(), m.labels(), counts.of(in));
        return new SampleLosses("multi-focal", m.sums(each), LossValue.Reduction.SUM);
    }

    /** The loss of every entry [n, L] of logits z for labels y [n, L] in {0, 1}. */
    public static Tensor each(Config c, Tensor z, Tensor y, LabelCounts counts) {
        Tensor h = c.headTail
                ? counts.factor(c.exponent, z)
                : Tensors.zerosLike(z, z.size(1)).add_(Tensors.scalar(1));
        Scalar gammaPos = Tensors.scalar(c.positiveNegative ? c.gammaPos : c.gammaNeg);
        Scalar gammaNeg = Tensors.scalar(c.gammaNeg);
        Tensor absent = Tensors.scalarLike(y, 1).sub(y);
        if (c.form == Form.PAPER) {
            // powers of logarithms neither overflow nor have an infinite slope
            Tensor lnP = torch.log_sigmoid(z);
            Tensor lnQ = torch.log_sigmoid(z.neg());
            Tensor onPos =
                    lnQ.mul(h.mul(Tensors.scalar(c.tailPos)).add(gammaPos)).exp();
            Tensor onNeg =
                    lnP.mul(h.mul(Tensors.scalar(c.tailNeg)).add(gammaNeg)).exp();
            return y.mul(onPos).mul(lnP).add(absent.mul(onNeg).mul(lnQ)).neg();
        }
        Tensor p = z.sigmoid();
        Scalar one = Tensors.scalar(1);
        Tensor pos = p;
        Tensor neg = p.neg().add(Tensors.scalar(1 + c.clip)).clamp_max(one);
        if (c.coOccurrence) {
            Tensor a = counts.attention(y);
            pos = p.mul(a.neg().add(one));
            Tensor boosted = neg.mul(Tensors.scalar(c.boost)).clamp_max(one);
            neg = torch.where(a.ne(Tensors.scalar(0)), boosted, neg);
        }
        Tensor logs = y.mul(pos.clamp_min(Tensors.scalar(LEAST)).log())
                .add(absent.mul(neg.clamp_min(Tensors.scalar(LEAST)).log()))
                .mul(h);
        Tensor right = pos.mul(y).add(neg.mul(absent)).detach();
        Tensor power = y.mul(gammaPos).add(absent.mul(h.add(gammaNeg)));
        return logs.mul(right.neg().add(one).pow(power)).neg();
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SIGMOID_LOGITS;
    }

    @Override
    public State state() {
        return counts.state();
    }

    @Override
    public void load(State saved) {
        counts.load(saved);
    }
}
