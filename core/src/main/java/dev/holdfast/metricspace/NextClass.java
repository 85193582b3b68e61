package dev.holdfast.metricspace;

import dev.holdfast.select.QueryRule;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Of which class to collect examples next, so that soon every label can be answered. Candidates are the labels of the metric;
 * those asked about are the observed ones. Where every label can be answered already, or nothing is observed yet, the lowest
 * label is as good as any.
 *
 * <p>Roberts et al., <i>Geometry-Aware Adaptation for Pretrained Models</i>, arXiv 2307.12226, section 4.4. Pure; safe from
 * any thread.
 *
 * @param metric over all labels
 * @param rule how the next one is chosen
 */
public record NextClass(LabelMetric metric, Rule rule) implements QueryRule {
    /** How the next class is chosen; of equals the lowest. */
    public enum Rule {
        /** The label farthest from the locus: on a tree what adds most labels to it. */
        FARTHEST,
        /** The label whose addition makes the locus largest, found by trying each: slow, for any metric. */
        LARGEST_GAIN
    }

    /** The next class, or nothing where every label can be answered. */
    public OptionalInt next(int... observed) {
        int[] locus = Locus.of(metric, observed);
        if (locus.length == metric.size()) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(rule == Rule.FARTHEST ? farthest(locus) : largestGain(locus, observed));
    }

    private int farthest(int... locus) {
        if (metric instanceof TreeMetric t && t.complete()) {
            return Locus.farthest(t.distances(locus));
        }
        double[] nearest = new double[metric.size()];
        Arrays.fill(nearest, Double.POSITIVE_INFINITY);
        for (int l : locus) {
            double[] d = metric.row(l);
            for (int y = 0; y < d.length; y++) {
                nearest[y] = Math.min(nearest[y], d[y]);
            }
        }
        // a label in the locus never comes again, not even where others are at distance 0 from it
        for (int l : locus) {
            nearest[l] = -1;
        }
        return Locus.farthest(nearest);
    }

    private int largestGain(int[] locus, int... observed) {
        int best = -1;
        int most = -1;
        for (int y = 0; y < metric.size(); y++) {
            if (Arrays.binarySearch(locus, y) < 0) {
                int[] more = Arrays.copyOf(observed, observed.length + 1);
                more[observed.length] = y;
                int size = Locus.of(metric, more).length;
                if (size > most) {
                    most = size;
                    best = y;
                }
            }
        }
        return best;
    }

    @Override
    public Selected select(Candidates candidates, int budget, Context context) {
        if (candidates.size() != metric.size()) {
            throw new IllegalArgumentException(
                    "There are " + candidates.size() + " candidates but the metric has " + metric.size() + " labels.");
        }
        int[] left = context.left(candidates.size(), budget);
        Set<Integer> observed =
                new LinkedHashSet<>(context.asked().stream().sorted().toList());
        int[] chosen = new int[budget];
        for (int i = 0; i < budget; i++) {
            OptionalInt next = observed.isEmpty()
                    ? OptionalInt.empty()
                    : next(observed.stream().mapToInt(v -> v).toArray());
            chosen[i] = next.orElseGet(() -> IntStream.of(left)
                    .filter(y -> !observed.contains(y))
                    .findFirst()
                    .orElseThrow());
            observed.add(chosen[i]);
        }
        return new Selected(chosen, null);
    }
}
