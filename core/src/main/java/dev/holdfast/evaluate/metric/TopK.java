package dev.holdfast.evaluate.metric;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * How often the true class is among the k best-scored ones: over the rows, and as the mean over the classes that occur
 * (balanced, so that a rare class counts as much as a frequent one). Immutable; safe from any thread.
 *
 * @param rank place of each row's true class among the columns, 0 = best; ties go to the lower column; a class without a
 *     column is behind all
 * @param truth class id of each row
 * @param columns number of score columns
 */
public record TopK(int[] rank, long[] truth, int columns) {
    public TopK {
        if (rank.length != truth.length) {
            throw new IllegalArgumentException(
                    rank.length + " ranks were given for the classes of " + truth.length + " rows.");
        }
    }

    /**
     * The ranks of the true classes.
     *
     * @throws IllegalArgumentException for another number of rows, or scores that are not finite
     */
    public static TopK of(Prediction said, long[] truth) {
        int n = said.size();
        int k = said.columns().size();
        if (n != truth.length) {
            throw new IllegalArgumentException(
                    n + " rows were predicted but " + truth.length + " true classes were given.");
        }
        try (Scope s = Scope.open()) {
            Tensors.requireFinite("Scores to be ranked", said.scores());
            int[] column = new int[n];
            boolean[] known = new boolean[n];
            for (int i = 0; i < n; i++) {
                int c = truth[i] < 0 || truth[i] > Integer.MAX_VALUE
                        ? -1
                        : said.columns().columnOf((int) truth[i]);
                known[i] = c >= 0;
                column[i] = Math.max(c, 0);
            }
            if (k == 0 || n == 0) {
                return new TopK(new int[n], truth.clone(), k);
            }
            Tensor at = Tensors.ids(column).unsqueeze(1);
            Tensor own = said.scores().gather(1, at);
            int[] place = new int[k];
            Arrays.setAll(place, c -> c);
            Tensor before = Tensors.ids(place).unsqueeze(0).lt(at);
            Tensor better =
                    said.scores().gt(own).logical_or(said.scores().eq(own).logical_and(before));
            int[] rank = Tensors.ints(better.sum(1));
            for (int i = 0; i < n; i++) {
                rank[i] = known[i] ? rank[i] : k;
            }
            return new TopK(rank, truth.clone(), k);
        }
    }

    /** Both, one after the other: for predictions in pieces, over the same columns. */
    public TopK and(TopK more) {
        if (more.columns != columns) {
            throw new IllegalArgumentException(
                    "Ranks among " + columns + " columns and among " + more.columns + " cannot be put together.");
        }
        int[] r = Arrays.copyOf(rank, rank.length + more.rank.length);
        System.arraycopy(more.rank, 0, r, rank.length, more.rank.length);
        long[] t = Arrays.copyOf(truth, r.length);
        System.arraycopy(more.truth, 0, t, rank.length, more.truth.length);
        return new TopK(r, t, columns);
    }

    /** Share of the rows whose class is among the k best, k >= 1; NaN without rows. k = 1 is accuracy. */
    public double accuracy(int k) {
        requireK(k);
        return Arrays.stream(rank).filter(r -> r < Math.min(k, columns)).count() / (double) rank.length;
    }

    /** The same share for each class that occurs, averaged over these classes; NaN without rows. */
    public double balanced(int k) {
        requireK(k);
        Map<Long, int[]> hits = new HashMap<>();
        for (int i = 0; i < rank.length; i++) {
            int[] h = hits.computeIfAbsent(truth[i], c -> new int[2]);
            h[0] += rank[i] < Math.min(k, columns) ? 1 : 0;
            h[1]++;
        }
        return hits.values().stream()
                .mapToDouble(h -> h[0] / (double) h[1])
                .average()
                .orElse(Double.NaN);
    }

    private static void requireK(int k) {
        if (k < 1) {
            throw new IllegalArgumentException("k of a top-k score must be >= 1 but is " + k + ".");
        }
    }
}
