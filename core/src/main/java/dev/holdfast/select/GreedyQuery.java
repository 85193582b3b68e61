package dev.holdfast.select;

import java.util.Arrays;
import java.util.Comparator;

/**
 * Asks about the rows with the largest gain: margin, least-confidence or entropy sampling. Ties go to the lower position.
 * Immutable; safe from any thread.
 */
public record GreedyQuery(Informativeness gain) implements QueryRule {
    @Override
    public Selected select(Candidates candidates, int budget, Context context) {
        int[] left = context.left(candidates.size(), budget);
        double[] g = gain.of(candidates.probabilities());
        int[] rows = Arrays.stream(left)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -g[i]))
                .limit(budget)
                .mapToInt(Integer::intValue)
                .toArray();
        return new Selected(rows, null);
    }
}
