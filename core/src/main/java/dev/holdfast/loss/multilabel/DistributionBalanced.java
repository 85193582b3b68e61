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
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Focal loss for label sets with a long tail: an entry weighs by how seldom its row would be drawn for its label alone, logits
 * start from the label's frequency, and absent labels are taken gently.
 *
 * <pre>
 * r[k,c] = (1/n_c) / sum_{i in labels of k} 1/n_i,    w = alpha + sigmoid(beta (r - mu))
 * v_c = -kappa ln(N/n_c - 1) / lambda
 * loss = w (1-q)^gamma (-ln q),    q = sigmoid(z + v) or, for an absent label, 1 - sigmoid(lambda (z + v)), over lambda
 * </pre>
 *
 * <p>Wu et al.: <i>Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed Datasets</i>, arXiv
 * 2007.09654, equations 3 to 8 and the authors' code. Summed over labels and rows. One thread.
 */
public final class DistributionBalanced implements Loss {
    /**
     * @param alpha least weight, >= 0
     * @param beta slope, > 0
     * @param mu centre of the weights
     * @param lambda factor on logits of absent labels, > 0
     * @param kappa share of the frequencies in the logits, >= 0
     * @param gamma focus on hard entries, >= 0
     */
    public record Config(
            @Doc("least weight of an entry") double alpha,
            @Doc("slope of the weights") double beta,
            @Doc("centre of the weights") double mu,
            @Doc("factor on the logits of absent labels") double lambda,
            @Doc("share of the frequencies in the logits") double kappa,
            @Doc("focus on hard entries") double gamma)
            implements LossConfig {
        public Config {
            if (!(alpha >= 0 && beta > 0 && lambda > 0 && kappa >= 0 && gamma >= 0)
                    || !Double.isFinite(alpha + beta + mu + lambda + kappa + gamma)) {
                throw new IllegalArgumentException(
                        "Expected finite numbers with alpha, kappa, gamma >= 0 and beta, lambda > 0 but got alpha "
                                + alpha + ", beta " + beta + ", mu " + mu + ", lambda " + lambda + ", kappa " + kappa
                                + ", gamma " + gamma + ".");
            }
        }

        /** alpha 10, beta 0.2, mu 0.1, lambda 5, kappa 0.1, gamma 2. */
        public Config() {
            this(10, 0.2, 0.1, 5, 0.1, 2);
        }

        @Override
        public String kind() {
            return "db-focal";
        }

        /** A loss that counts the labels it observes. */
        @Override
        public DistributionBalanced build(Schema schema) {
            return new DistributionBalanced(this, new CountedLoss());
        }
    }

    private static final long NO_REDUCTION = 0;
    private final Config config;
    private final CountedLoss counts;

    private DistributionBalanced(Config config, CountedLoss counts) {
        this.config = config;
        this.counts = counts;
    }

    /** With counts that are known beforehand; what is observed does not change them. */
    public DistributionBalanced(Config config, LabelCounts counts) {
        this(config, new CountedLoss(counts));
    }

    /** Counts the labels of training rows, unless the counts were given. */
    @Override
    public void observe(LossInput in) {
        counts.observe("A distribution-balanced loss", in);
    }

    @Override
    public LossValue value(LossInput in) {
        LabelMatrix m = LabelMatrix.of("A distribution-balanced loss", in);
        Tensor y = m.labels();
        LabelCounts seen = counts.of(in);
        Tensor n = seen.atLeastOne(y);
        Tensor inverse = n.reciprocal();
        Tensor own = y.mul(inverse).sum(1).unsqueeze(1).clamp_min(Tensors.scalar(1e-30));
        // a row without labels is nobody's: its weights stay at their least slope
        Tensor any = y.sum(1).unsqueeze(1).gt(Tensors.scalar(0)).to(y.scalar_type());
        Tensor r = inverse.unsqueeze(0).div(own).mul(any);
        Tensor w = r.sub(Tensors.scalarLike(r, config.mu))
                .mul(Tensors.scalar(config.beta))
                .sigmoid()
                .add(Tensors.scalar(config.alpha));
        // a label on every row, or nothing counted yet, would ask for an infinite start
        double rows = Math.max(2, seen.rows());
        Tensor odds = inverse.mul(Tensors.scalar(rows))
                .clamp_min(Tensors.scalar(rows / (rows - 1)))
                .sub(Tensors.scalarLike(inverse, 1));
        Tensor start = odds.log().mul(Tensors.scalar(-config.kappa / config.lambda));
        Tensor absent = Tensors.scalarLike(y, 1).sub(y);
        Tensor z = m.scores().add(start);
        z = z.mul(y).add(z.mul(absent).mul(Tensors.scalar(config.lambda)));
        Tensor ce =
                torch.binary_cross_entropy_with_logits(z, y, new TensorOptional(), new TensorOptional(), NO_REDUCTION);
        // 1 - exp(-ce) = 1 - q; a small floor keeps the slope of its power finite
        Tensor hard = ce.neg().expm1().neg().clamp_min(Tensors.scalar(1e-12)).pow(Tensors.scalar(config.gamma));
        Tensor gentle = y.add(absent.mul(Tensors.scalar(1 / config.lambda)));
        return new SampleLosses("db-focal", m.sums(ce.mul(hard).mul(w).mul(gentle)), LossValue.Reduction.SUM);
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
