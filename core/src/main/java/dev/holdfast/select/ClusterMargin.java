package dev.holdfast.select;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Asks about rows of small margin from different clusters: of the {@code spare * budget} smallest margins one row of each
 * cluster in turn, from the smallest cluster to the largest.
 *
 * <p>Citovsky et al.: <i>Batch Active Learning at Scale</i>, arXiv 2107.14263. Clusters here are the rows nearest to as many
 * centres as k-centre finds ({@link KCentre}), in place of agglomerative clustering. Immutable; safe from any thread.
 *
 * @param spare rows of small margin for every row that is asked about, >= 1
 * @param clusters >= 1
 */
public record ClusterMargin(int spare, int clusters) implements QueryRule {
    public ClusterMargin {
        if (spare < 1 || clusters < 1) {
            throw new IllegalArgumentException(
                    "spare and clusters must be >= 1 but are " + spare + " and " + clusters + ".");
        }
    }

    /** Ten rows for each, as in the paper; 50 clusters. */
    public ClusterMargin() {
        this(10, 50);
    }

    @Override
    public Selected select(Candidates candidates, int budget, Context context) {
        int[] left = context.left(candidates.size(), budget);
        Tensor x = KCentre.features(candidates);
        double[] g = Informativeness.MARGIN.of(candidates.probabilities());
        int[] cluster = KCentre.nearest(x, KCentre.centres(x, Math.min(clusters, candidates.size()), List.of()));
        List<Integer> small = IntStream.of(left)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -g[i]))
                .limit(Math.min(left.length, (long) spare * budget))
                .toList();
        Map<Integer, Deque<Integer>> members = new TreeMap<>();
        small.forEach(i ->
                members.computeIfAbsent(cluster[i], c -> new ArrayDeque<>()).add(i));
        List<Deque<Integer>> turns = new ArrayList<>(members.values());
        turns.sort(Comparator.comparingInt(Deque::size));
        int[] rows = new int[budget];
        for (int k = 0; k < budget; ) {
            for (Deque<Integer> t : turns) {
                if (k < budget && !t.isEmpty()) {
                    rows[k++] = t.poll();
                }
            }
        }
        return new Selected(rows, null);
    }
}
