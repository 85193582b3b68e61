package dev.holdfast.learner.analytic;

import dev.holdfast.memory.Herding;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Pseudo-features of past classes: features of a new class, moved so that their mean is the stored mean of the past
 * class, f - mu_new + mu_past (eq. 1). Means are of raw features; rows are normalised after the move, not before.
 *
 * <p>Petit et al., <i>FeTrIL: Feature Translation for Exemplar-Free Class-Incremental Learning</i>, arXiv 2211.13131,
 * section 3.2. All tensors float64.
 */
public final class FeatureTranslation {
    /** How alike two class means are. The paper says cosine; its code measures Euclidean distance. */
    public enum Similarity {
        COSINE,
        EUCLIDEAN
    }

    /** Which rows a past class borrows. */
    public enum Selector {
        /** All rows of the most similar new class. */
        NEAREST,
        /** All rows of the k-th most similar new class. */
        KTH,
        /** Rows of new classes drawn at random. */
        RANDOM,
        /** Among the moved rows of all new classes, those whose running mean herds toward the stored mean. */
        HERDING
    }

    /** One row borrowed: new class, row in it. */
    private record Borrowed(int source, int row) {}

    private FeatureTranslation() {}

    /**
     * The new class from which each past class borrows.
     *
     * @param past means [P, D]
     * @param fresh means [N, D] of the new classes
     * @param rank 1 = most similar; beyond the number of new classes the least similar is taken
     */
    public static int[] sources(Tensor past, Tensor fresh, Similarity similarity, int rank) {
        double[][] p = Tensors.rows(past);
        double[][] n = Tensors.rows(fresh);
        int[] source = new int[p.length];
        for (int i = 0; i < p.length; i++) {
            double[] mean = p[i];
            source[i] = IntStream.range(0, n.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer k) -> -alike(mean, n[k], similarity)))
                    .skip(Math.min(rank, n.length) - 1)
                    .findFirst()
                    .orElseThrow();
        }
        return source;
    }

    private static double alike(double[] a, double[] b, Similarity similarity) {
        double dot = 0;
        double aa = 0;
        double bb = 0;
        for (int j = 0; j < a.length; j++) {
            dot += a[j] * b[j];
            aa += a[j] * a[j];
            bb += b[j] * b[j];
        }
        return similarity == Similarity.COSINE
                ? dot / Math.max(1e-12, Math.sqrt(aa) * Math.sqrt(bb))
                : 2 * dot - aa - bb;
    }

    /** Rows [n, D] of the source class, moved from its mean [D] to the past mean [D]. */
    public static Tensor translate(Tensor rows, Tensor sourceMean, Tensor pastMean) {
        return rows.sub(sourceMean).add(pastMean);
    }

    /** Rows divided by their norms; a zero row stays zero. */
    public static Tensor normalise(Tensor rows) {
        Tensor norm = rows.mul(rows)
                .sum(new long[] {1}, true, new org.bytedeco.pytorch.ScalarTypeOptional())
                .sqrt();
        return rows.div(norm.clamp_min(Tensors.scalar(1e-12)));
    }

    /**
     * Which rows each past class borrows, as one index list a new class: {@code result[p][k]} are rows of new class k.
     *
     * @param fresh features of each new class [n_k, D]
     * @param cap at most so many rows a past class
     */
    static int[][][] select(
            Tensor past,
            Tensor freshMeans,
            List<Tensor> fresh,
            Selector selector,
            Similarity similarity,
            int rank,
            int cap,
            Rng rng) {
        int classes = fresh.size();
        int[][][] chosen = new int[(int) past.size(0)][classes][];
        int[] nearest = sources(past, freshMeans, similarity, selector == Selector.KTH ? rank : 1);
        int total = fresh.stream().mapToInt(f -> (int) f.size(0)).sum();
        for (int p = 0; p < chosen.length; p++) {
            Arrays.setAll(chosen[p], k -> new int[0]);
            int own = (int) fresh.get(nearest[p]).size(0);
            int count = Math.min(cap, own);
            switch (selector) {
                case NEAREST, KTH ->
                    chosen[p][nearest[p]] = own <= cap
                            ? IntStream.range(0, own).toArray()
                            : Arrays.copyOf(rng.child("cap", p).permutation(own), cap);
                case RANDOM ->
                    scatter(
                            chosen[p],
                            fresh,
                            Arrays.copyOf(rng.child("random", p).permutation(total), count));
                case HERDING -> {
                    Tensor[] moved = new Tensor[classes];
                    for (int k = 0; k < classes; k++) {
                        moved[k] = translate(fresh.get(k), freshMeans.select(0, k), past.select(0, p));
                    }
                    scatter(chosen[p], fresh, Herding.select(Tensors.cat(0, moved), count));
                }
            }
        }
        return chosen;
    }

    private static void scatter(int[][] into, List<Tensor> fresh, int[] flat) {
        List<Borrowed> all = new ArrayList<>();
        for (int k = 0; k < fresh.size(); k++) {
            for (int i = 0; i < fresh.get(k).size(0); i++) {
                all.add(new Borrowed(k, i));
            }
        }
        for (int k = 0; k < into.length; k++) {
            int source = k;
            into[k] = Arrays.stream(flat)
                    .mapToObj(all::get)
                    .filter(b -> b.source == source)
                    .mapToInt(Borrowed::row)
                    .toArray();
        }
    }
}
