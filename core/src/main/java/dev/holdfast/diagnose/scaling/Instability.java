package dev.holdfast.diagnose.scaling;

import dev.holdfast.nn.lm.QkNorm;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;

/**
 * What is known to go wrong as models grow, each with the number that says so, from where on it matters, and what cures it.
 *
 * <p>Wortsman et al., arXiv 2309.14322, sections 3.1 and 3.4.
 */
public enum Instability {
    /** Products of queries and keys grow until each query sees a single key. */
    ATTENTION_LOGITS(
            "largest attention logit",
            "Attention logits have grown so large that each query sees one key only.",
            "LayerNorm on queries and keys") {
        @Override
        public double value(InternalStatistics s, double epsilon) {
            return s.largestAttentionLogit();
        }

        @Override
        public boolean reached(double value) {
            return value > ScalingFit.ATTENTION_LOGIT;
        }

        @Override
        public OptionalDouble strikesFrom(ScalingFit f) {
            return f.sizeAbove(ScalingFit.ATTENTION_LOGIT);
        }
    },
    /** Output logits drift to large negative numbers, which cross-entropy does not feel. */
    OUTPUT_LOGITS("mean log Z", "Output logits drift off together, to large negative numbers.", "z-loss") {
        @Override
        public double value(InternalStatistics s, double epsilon) {
            return s.logZMean();
        }

        @Override
        public boolean reached(double value) {
            return value < -DRIFT;
        }
    },
    /** Gradients fall to what Adam adds to its divisor, and updates with them. */
    VANISHING_GRADIENTS(
            "gradient size over epsilon",
            "Gradients are so small that Adam's epsilon eats the updates.",
            "epsilon 1e-15") {
        @Override
        public double value(InternalStatistics s, double epsilon) {
            return s.gradientOverEpsilon(epsilon);
        }

        @Override
        public boolean reached(double value) {
            return value < ScalingFit.EPSILONS;
        }

        @Override
        public OptionalDouble strikesFrom(ScalingFit f) {
            return f.sizeBelow(ScalingFit.EPSILONS);
        }
    };

    /** Mean log Z below minus this is told as a drift; a rule of thumb of ours. */
    public static final double DRIFT = 5;

    private static final double LONG_WARM_UP = 0.25;
    private static final double SMALL_EPSILON = 1e-15;

    private final String number;
    private final String sentence;
    private final String cure;

    Instability(String number, String sentence, String cure) {
        this.number = number;
        this.sentence = sentence;
        this.cure = cure;
    }

    /** What is measured. */
    public String number() {
        return number;
    }

    public String sentence() {
        return sentence;
    }

    /** Name of the {@link Cure} that is made for it. */
    public String cure() {
        return cure;
    }

    /** Its number. */
    public abstract double value(InternalStatistics s, double epsilon);

    /** Whether that number is past its threshold. */
    public abstract boolean reached(double value);

    /** The size from which on a fit of its number is past the threshold; empty if it never is, or does not follow size. */
    public OptionalDouble strikesFrom(ScalingFit f) {
        return OptionalDouble.empty();
    }

    /**
     * A change of the recipe that is known to help.
     *
     * @param name in words
     */
    public record Cure(String name, UnaryOperator<ProxyRecipe> change) {}

    /** All known cures that would change this recipe. */
    public static List<Cure> cures(ProxyRecipe r) {
        return List.of(
                        new Cure(
                                ATTENTION_LOGITS.cure,
                                c -> c.qkNorm() == QkNorm.NONE ? c.withQkNorm(QkNorm.LAYER_NORM) : c),
                        new Cure(OUTPUT_LOGITS.cure, c -> c.zLoss() == 0 ? c.withZLoss(1e-4) : c),
                        new Cure(
                                "warm-up over a quarter",
                                c -> c.warmUp() < LONG_WARM_UP ? c.withWarmUp(LONG_WARM_UP) : c),
                        new Cure(
                                VANISHING_GRADIENTS.cure,
                                c -> c.epsilon() > SMALL_EPSILON ? c.withEpsilon(SMALL_EPSILON) : c))
                .stream()
                .filter(c -> !c.change.apply(r).equals(r))
                .toList();
    }
}
