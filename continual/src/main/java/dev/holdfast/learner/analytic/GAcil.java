package dev.holdfast.learner.analytic;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Schema;
import dev.holdfast.estimate.RidgeHead;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.linalg.RecursiveRidge;
import java.util.List;

/**
 * G-ACIL: frozen features, a fixed random expansion, and a ridge regression that is updated recursively, so that at any
 * moment the classifier is exactly the one of joint training on all rows so far, whatever their order and mixture of
 * classes.
 *
 * <p>h = relu(W_b f); for rows H and one-hot Y with zeros for known classes that are absent: K = (I + H R H')^-1, R <- R -
 * R H' K H R, W <- W + R H' (Y - H W) with the new R (theorem of arXiv 2403.15706; arXiv 2205.14922 for disjoint
 * classes). Old columns move when rows of new classes arrive: that is the exposed class label gain. No gradient, no
 * stored row, state 8 (M^2 + M C) bytes.
 *
 * <p>Everything else (merging, forgetting, threads) is {@link ClosedFormLearner}'s.
 */
public final class GAcil {
    private GAcil() {}

    /** What the units of the random expansion compute. */
    public enum Expansion {
        /** relu(W_b f), as in the papers. */
        RELU,
        /** Random Fourier features of a Gaussian kernel, so that the head is kernel ridge regression in the limit. */
        GAUSSIAN
    }

    /**
     * @param features where features come from
     * @param buffer M, units of the random expansion; 0 = none
     * @param expansion what these units compute
     * @param sigma width of the Gaussian kernel, in units of the features' distances; 0 = sqrt D, which suits features of
     *     variance 1
     * @param exposedUpdate false: only the columns of classes that are in the batch move, an ablation. What is learnt
     *     then depends on order and batches, and nothing can be merged or forgotten. RECURSIVE form only
     * @param gamma weight of ||W||^2, > 0; larger for larger features
     * @param bias append a constant 1 to h; its weight is regularised with the others
     * @param form RECURSIVE keeps R and W; GRAM keeps sums and solves on demand: better conditioned for small gamma
     */
    public record Config(
            FeatureSpace.Config features,
            @Doc("units of the random expansion; 0 = none") int buffer,
            @Doc("RELU units, or random Fourier features of a GAUSSIAN kernel") Expansion expansion,
            @Doc("width of the Gaussian kernel; 0 = square root of the number of features") double sigma,
            @Doc("false = columns of classes that are absent from a batch stay (ablation)") boolean exposedUpdate,
            @Doc("weight of the ridge penalty, > 0") double gamma,
            @Doc("append a constant to the expanded features") boolean bias,
            @Doc("RECURSIVE updates the inverse; GRAM keeps sums and solves on demand") RecursiveRidge.Form form) {
        public Config {
            if (buffer < 0) {
                throw new IllegalArgumentException("The buffer needs >= 0 units but has " + buffer + ".");
            }
            if (!(sigma >= 0) || Double.isInfinite(sigma)) {
                throw new IllegalArgumentException("sigma must be finite and >= 0 but is " + sigma
                        + ".\nMaybe 0 for the square root of the number of features.");
            }
            if (!exposedUpdate && form == RecursiveRidge.Form.GRAM) {
                throw new IllegalArgumentException("exposedUpdate=false leaves columns out of single updates, but form"
                        + " GRAM has none: it keeps sums.\nMaybe set form=RECURSIVE.");
            }
            if (!(gamma > 0) || Double.isInfinite(gamma)) {
                throw new IllegalArgumentException("gamma must be finite and > 0 but is " + gamma
                        + ".\nMaybe 0.1 for features of size one is a start.");
            }
        }

        /** Rectified units and updates of all columns, as in the papers. */
        public static Config of(
                FeatureSpace.Config features, int buffer, double gamma, boolean bias, RecursiveRidge.Form form) {
            return new Config(features, buffer, Expansion.RELU, 0, true, gamma, bias, form);
        }
    }

    /** A fresh learner; a pure function of its arguments. */
    public static ClosedFormLearner create(Config c, Schema schema, Rng rng) {
        FeatureSpace space = new FeatureSpace(c.features, schema, rng.child("features"));
        long width = space.width();
        Rng draws = rng.child("buffer");
        RandomBuffer buffer =
                switch (c.expansion) {
                    case RELU -> RandomBuffer.draw(c.buffer, width, c.bias, draws);
                    case GAUSSIAN ->
                        RandomBuffer.fourier(c.buffer, width, c.sigma > 0 ? c.sigma : Math.sqrt(width), c.bias, draws);
                };
        RidgeHead head = new RidgeHead(
                buffer.width(width),
                c.gamma,
                c.form,
                c.exposedUpdate ? RidgeHead.Moving.ALL : RidgeHead.Moving.PRESENT);
        return new ClosedFormLearner("G-ACIL", space, buffer, head, schema, rng);
    }

    /** {@code gacil}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "gacil";
        }

        @Override
        public String summary() {
            return "G-ACIL: recursive ridge regression, equal to joint training; merges and forgets exactly";
        }

        @Override
        public String system() {
            return "24-g-acil";
        }

        @Override
        public String paper() {
            return "Zhuang et al. 2024, arXiv 2403.15706";
        }

        @Override
        public Config defaults() {
            return Config.of(FeatureSpace.Config.inputs(), 1000, 0.1, false, RecursiveRidge.Form.RECURSIVE);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("buffer", List.of(256, 1024, 2048)), new Axis("gamma", List.of(0.01, 0.1, 1.0, 10.0)));
        }

        @Override
        public ClosedFormLearner create(Config config, Schema schema, Rng rng) {
            return GAcil.create(config, schema, rng);
        }
    }
}
