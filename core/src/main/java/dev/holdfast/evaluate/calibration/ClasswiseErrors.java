package dev.holdfast.evaluate.calibration;

import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How far the probability of each class is from the share of rows that have it; 0 is best. Pure functions; safe from any
 * thread.
 */
public final class ClasswiseErrors {
    private ClasswiseErrors() {}

    /** ECE of (p_k, 1[y = k]) over bins of equal width (low, high], averaged over the classes. */
    public static double average(LabelledProbabilities x, int bins) {
        return mean(x, e -> equalWidth(e, bins, 1));
    }

    /**
     * The sum over classes, as reported by Kull et al.: <i>Beyond temperature scaling</i>, arXiv 1910.12656; they use 14
     * bins.
     */
    public static double sum(LabelledProbabilities x, int bins) {
        return x.classes() * average(x, bins);
    }

    /** The L2 version: the root of the weighted squares of a class's gaps, averaged over the classes. */
    public static double rootMeanSquare(LabelledProbabilities x, int bins) {
        return mean(x, e -> equalWidth(e, bins, 2));
    }

    /** Thresholded: only probabilities above 1/C count, shares are taken among these, bins [low, high). */
    public static double thresholded(LabelledProbabilities x, int bins) {
        return mean(x, e -> {
            Events kept = e.above(1.0 / x.classes());
            return kept.size() == 0 ? 0 : Events.gap(kept.bins(kept.fromEdge(bins), bins), kept.size(), 1);
        });
    }

    /** As {@link #thresholded} but over k-means bins of each class. */
    public static double thresholdedClusters(LabelledProbabilities x, int bins) {
        return mean(x, e -> {
            Events kept = e.above(1.0 / x.classes());
            return kept.size() == 0 ? 0 : Events.gap(kept.bins(kept.clustered(bins), bins), kept.size(), 1);
        });
    }

    private static double equalWidth(Events e, int bins, int norm) {
        return Events.gap(e.bins(e.upToEdge(TopLabelErrors.requireBins(bins)), bins), e.size(), norm);
    }

    private static double mean(LabelledProbabilities x, ToDoubleFunction<Events> of) {
        return IntStream.range(0, x.classes())
                .mapToDouble(c -> of.applyAsDouble(x.ofClass(c)))
                .average()
                .orElseThrow();
    }
}
