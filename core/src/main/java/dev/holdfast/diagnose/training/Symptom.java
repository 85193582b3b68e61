package dev.holdfast.diagnose.training;

import dev.holdfast.diagnose.signals.OpposingSignals;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What can be wrong with a training run, each with the number that says so, where it begins to matter, and known cures.
 * Thresholds are ours, and rules of thumb.
 */
public enum Symptom {
    /** The loss left the finite numbers, or ended well above where it began. */
    DIVERGED(
            "final over first loss",
            1.5,
            "The loss diverged.",
            "arXiv 2309.14322",
            new Cure("a tenth of the rate", Map.of("net.optimizer.rate", "x0.1")),
            new Cure("gradients of norm 1 at most", Map.of("net.optimizer.clipNorm", "1"))),
    /** Gradients of some batches are many times the usual size. */
    GRADIENT_SPIKES(
            "largest over median gradient norm",
            20,
            "Gradients of some batches are many times as long as usual.",
            "arXiv 2502.17055",
            new Cure("gradients of norm 1 at most", Map.of("net.optimizer.clipNorm", "1")),
            new Cure("gradients scaled tensor by tensor", Map.of("net.optimizer.guard", "ADAPTIVE"))),
    /** Curvature has grown to what the rate can bear. */
    EDGE_OF_STABILITY(
            "sharpness over the edge",
            0.9,
            "Curvature has grown to what this rate can bear: the loss falls in spite of oscillation, or stops falling.",
            "arXiv 2103.00065, 2207.14484",
            new Cure("a third of the rate", Map.of("net.optimizer.rate", "x0.333")),
            new Cure("a rate that falls to 0", Map.of("net.optimizer.cosineSteps", "steps"))),
    /** The softmax rounds to 1, so rows teach nothing any more. */
    SOFTMAX_COLLAPSE(
            "collapsed share of rows",
            0.1,
            "The softmax of many rows is exactly 1 in float32: they teach nothing any more, whatever their margin.",
            "arXiv 2501.04697",
            new Cure("StableMax instead of softmax", Map.of("loss.kind", "stablemax")),
            new Cure("gradients without their part along the weights", Map.of("net.optimizer.guard", "PERPENDICULAR")),
            new Cure("weight decay", Map.of("net.optimizer.kind", "ADAMW", "net.optimizer.weightDecay", "0.1"))),
    /** Training scales logits up instead of changing predictions. */
    NAIVE_MINIMISATION(
            "median cosine of step and weights",
            0.5,
            "Most of each step scales the logits up instead of changing what is predicted.",
            "arXiv 2501.04697",
            new Cure("gradients without their part along the weights", Map.of("net.optimizer.guard", "PERPENDICULAR")),
            new Cure("weight decay", Map.of("net.optimizer.kind", "ADAMW", "net.optimizer.weightDecay", "0.1"))),
    /** Entries of the gradient have become as small as what Adam adds to its divisor. */
    VANISHING_GRADIENTS(
            "epsilon over gradient size",
            0.1,
            "Gradients have become so small that Adam's epsilon swamps them.",
            "arXiv 2309.14322",
            new Cure("a smaller epsilon", Map.of("net.optimizer.epsilon", "1e-15"))),
    /** All output logits of a row drift off together, which cross entropy does not feel. */
    OUTPUT_LOGIT_DRIFT(
            "mean log Z below 0",
            5,
            "Output logits drift off together to negative numbers, which cross entropy does not feel.",
            "arXiv 2309.14322, 2204.02311",
            new Cure("z-loss", Map.of("loss.kind", "z-loss"))),
    /** Attention logits have grown until each query sees one key. */
    ATTENTION_LOGIT_GROWTH(
            "largest attention logit",
            1000,
            "Attention logits have grown so large that each query sees one key only.",
            "arXiv 2309.14322",
            new Cure("a third of the rate", Map.of("net.optimizer.rate", "x0.333")),
            new Cure("gradients of norm 1 at most", Map.of("net.optimizer.clipNorm", "1"))),
    /** Two groups of rows pull against each other. */
    OPPOSING_GROUPS(
            "alternation of the groups' losses",
            0.8,
            "Two groups of rows pull against each other: their losses rise and fall in turns.",
            "arXiv 2311.04163",
            new Cure("a third of the rate", Map.of("net.optimizer.rate", "x0.333")),
            new Cure("gradients of norm 1 at most", Map.of("net.optimizer.clipNorm", "1")));

    /**
     * Something that is known to help.
     *
     * @param name in words
     * @param settings options of the learner; a value xF multiplies the present one by F, "steps" is the number of updates
     */
    public record Cure(String name, Map<String, String> settings) {}

    /** A symptom and how strong it is. */
    public record Found(Symptom symptom, double value) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT, "%s (%s %.3g, from %.3g on)", symptom.sentence, symptom.number, value, symptom.from);
        }
    }

    private final String number;
    private final double from;
    private final String sentence;
    private final String papers;
    private final List<Cure> cures;

    Symptom(String number, double from, String sentence, String papers, Cure... cures) {
        this.number = number;
        this.from = from;
        this.sentence = sentence;
        this.papers = papers;
        this.cures = List.of(cures);
    }

    /** What is measured. */
    public String number() {
        return number;
    }

    /** From where on it is told. */
    public double from() {
        return from;
    }

    public String sentence() {
        return sentence;
    }

    /** Where it is described. */
    public String papers() {
        return papers;
    }

    /** What is known to help. */
    public List<Cure> cures() {
        return cures;
    }

    /**
     * The number of this symptom in a run; NaN where it cannot be told.
     *
     * @param groups opposing groups, or null
     * @param epsilon Adam's, or NaN
     */
    public double value(Diary d, OpposingSignals.Report groups, double epsilon) {
        return switch (this) {
            case DIVERGED ->
                d.entries().stream().anyMatch(e -> Double.isInfinite(e.loss()) || Double.isInfinite(e.batchLoss()))
                                || !d.entries().isEmpty()
                                        && Double.isNaN(d.entries()
                                                .get(d.entries().size() - 1)
                                                .loss())
                                        && d.series(Diary.Entry::loss).length > 0
                        ? Double.POSITIVE_INFINITY
                        : d.last(Diary.Entry::loss) / d.first(Diary.Entry::loss);
            case GRADIENT_SPIKES -> d.largest(Diary.Entry::gradientNorm) / d.median(Diary.Entry::gradientNorm);
            case EDGE_OF_STABILITY -> d.largest(e -> e.sharpness() / e.edge());
            case SOFTMAX_COLLAPSE -> d.largest(Diary.Entry::collapsed);
            case NAIVE_MINIMISATION -> d.median(Diary.Entry::scaling);
            case VANISHING_GRADIENTS -> epsilon / d.last(Diary.Entry::gradientSize);
            case OUTPUT_LOGIT_DRIFT -> d.largest(e -> -e.logZ());
            case ATTENTION_LOGIT_GROWTH -> d.largest(Diary.Entry::attentionLogit);
            case OPPOSING_GROUPS ->
                groups != null && groups.found() && groups.opposite() >= 0.8 ? groups.alternation() : Double.NaN;
        };
    }

    /** This symptom, if the run has it. */
    public Optional<Found> in(Diary d, OpposingSignals.Report groups, double epsilon) {
        double v = value(d, groups, epsilon);
        return v >= from ? Optional.of(new Found(this, v)) : Optional.empty();
    }

    /** All symptoms of a run, in the order of this list. */
    public static List<Found> all(Diary d, OpposingSignals.Report groups, double epsilon) {
        return Arrays.stream(values())
                .map(s -> s.in(d, groups, epsilon))
                .flatMap(Optional::stream)
                .toList();
    }
}
