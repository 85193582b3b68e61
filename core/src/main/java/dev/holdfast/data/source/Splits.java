package dev.holdfast.data.source;

import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Splits and samples by seed. Positions come back in ascending order, so that a part keeps the order of the whole. Pure
 * functions of their arguments; safe from any thread.
 */
public final class Splits {
    private Splits() {}

    /** Positions of the training and of the test rows, each ascending; together they are all rows. */
    public record Split(int[] train, int[] test) {}

    /**
     * Draws the test rows of each class apart, so that both parts have the classes' shares. A class gives {@code
     * round(share * n)} of its n rows, but always keeps one for training and, if it has two, gives one for testing.
     *
     * @param classIds class of every row
     * @param testShare share of the test rows, in (0, 1)
     */
    public static Split stratified(long[] classIds, double testShare, Rng rng) {
        checkShare(testShare);
        boolean[] test = new boolean[classIds.length];
        byClass(classIds).forEach((id, at) -> {
            int n = (int) Math.min(at.length - 1, Math.max(1, Math.round(testShare * at.length)));
            int[] order = rng.child("split", id).permutation(at.length);
            for (int i = 0; i < n; i++) {
                test[at[order[i]]] = true;
            }
        });
        return parts(test);
    }

    /** Draws {@code round(share * n)} test rows, at least one, whatever their targets. */
    public static Split plain(int n, double testShare, Rng rng) {
        checkShare(testShare);
        if (n < 2) {
            throw new IllegalArgumentException("A split needs at least two rows but there are " + n + ".");
        }
        boolean[] test = new boolean[n];
        int[] order = rng.child("split").permutation(n);
        int k = (int) Math.min(n - 1, Math.max(1, Math.round(testShare * n)));
        for (int i = 0; i < k; i++) {
            test[order[i]] = true;
        }
        return parts(test);
    }

    /**
     * About {@code rows} positions with the classes' shares kept: class c of n_c rows gives {@code round(rows * n_c / n)},
     * and at least two (or all, if it has fewer) so that no class is lost. All positions if there are no more.
     */
    public static int[] sample(long[] classIds, long rows, Rng rng) {
        int n = classIds.length;
        if (rows >= n) {
            return IntStream.range(0, n).toArray();
        }
        boolean[] keep = new boolean[n];
        byClass(classIds).forEach((id, at) -> {
            long share = Math.round((double) rows * at.length / n);
            int k = (int) Math.min(at.length, Math.max(2, share));
            int[] order = rng.child("sample", id).permutation(at.length);
            for (int i = 0; i < k; i++) {
                keep[at[order[i]]] = true;
            }
        });
        return IntStream.range(0, n).filter(i -> keep[i]).toArray();
    }

    private static void checkShare(double testShare) {
        if (!(testShare > 0 && testShare < 1)) {
            throw new IllegalArgumentException("The test share must lie between 0 and 1 but is " + testShare + ".");
        }
    }

    private static Split parts(boolean[] test) {
        return new Split(
                IntStream.range(0, test.length).filter(i -> !test[i]).toArray(),
                IntStream.range(0, test.length).filter(i -> test[i]).toArray());
    }

    private static Map<Long, int[]> byClass(long[] ids) {
        Map<Long, IntStream.Builder> b = new TreeMap<>();
        for (int i = 0; i < ids.length; i++) {
            b.computeIfAbsent(ids[i], k -> IntStream.builder()).add(i);
        }
        Map<Long, int[]> m = new TreeMap<>();
        b.forEach((k, v) -> m.put(k, v.build().toArray()));
        return m;
    }

    /** Rows of each class, ascending by class id. */
    public static Map<Long, Integer> counts(long[] classIds) {
        Map<Long, Integer> m = new TreeMap<>();
        Arrays.stream(classIds).forEach(c -> m.merge(c, 1, Integer::sum));
        return m;
    }
}
