package dev.holdfast.metricspace;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How far predicted labels are from the true ones.
 *
 * @param meanSquared mean squared distance
 * @param mean mean distance
 * @param error share of rows with another label than the true one
 * @param unseen share of rows that were given a label the classifier does not know
 */
public record DistanceScores(double meanSquared, double mean, double error, double unseen) {
    /**
     * Scores of predictions.
     *
     * @param observed labels that the classifier knows
     */
    public static DistanceScores of(LabelMetric metric, int[] predicted, int[] truth, int... observed) {
        if (predicted.length != truth.length || truth.length == 0) {
            throw new IllegalArgumentException("Expected as many predicted as true labels, at least one, but there are "
                    + predicted.length + " and " + truth.length + ".");
        }
        Set<Integer> known = IntStream.of(observed).boxed().collect(Collectors.toSet());
        Map<Integer, double[]> rows = new HashMap<>();
        double squared = 0;
        double sum = 0;
        int wrong = 0;
        int unseen = 0;
        for (int i = 0; i < truth.length; i++) {
            double d = rows.computeIfAbsent(truth[i], metric::row)[metric.checked(predicted[i])];
            squared += d * d;
            sum += d;
            wrong += predicted[i] == truth[i] ? 0 : 1;
            unseen += known.contains(predicted[i]) ? 0 : 1;
        }
        double n = truth.length;
        return new DistanceScores(squared / n, sum / n, wrong / n, unseen / n);
    }
}
