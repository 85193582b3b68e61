package dev.holdfast.math.stream;

import java.util.Arrays;

/**
 * How often each of L labels was seen, and how often each pair together, over n rows; from it the Jaccard index
 * J_ij = n_ij / (n_i + n_j - n_ij) of every pair. A row costs the square of the number of its labels, not of L.
 *
 * <p>One thread.
 */
public final class PairCounter {
    private final int labels;
    private final long[] single;

    /** Pair (i, j), i < j, at i (2L - i - 1) / 2 + j - i - 1. */
    private final long[] pairs;

    private long rows;

    /** @param labels number of labels, at least 1 */
    public PairCounter(int labels) {
        if (labels < 1) {
            throw new IllegalArgumentException("Counting pairs needs at least one label but there are " + labels + ".");
        }
        this.labels = labels;
        this.single = new long[labels];
        this.pairs = new long[Math.multiplyExact(labels, labels - 1) / 2];
    }

    public int labels() {
        return labels;
    }

    /** Counts a row with the first {@code count} labels of {@code active}, which ascend. */
    public void add(int[] active, int count) {
        rows++;
        for (int a = 0; a < count; a++) {
            int i = active[a];
            single[i]++;
            int base = at(i, i + 1) - i - 1;
            for (int b = a + 1; b < count; b++) {
                pairs[base + active[b]]++;
            }
        }
    }

    /** Rows counted. */
    public long rows() {
        return rows;
    }

    /** Rows with label i. */
    public long count(int i) {
        return single[i];
    }

    /** Rows with both labels. */
    public long together(int i, int j) {
        return i == j ? single[i] : pairs[i < j ? at(i, j) : at(j, i)];
    }

    /** n_ij / (n_i + n_j - n_ij); 0 if neither label was seen. */
    public double jaccard(int i, int j) {
        long both = together(i, j);
        long either = single[i] + single[j] - both;
        return either == 0 ? 0 : (double) both / either;
    }

    /** Forgets everything. */
    public void clear() {
        rows = 0;
        Arrays.fill(single, 0);
        Arrays.fill(pairs, 0);
    }

    /** The counts as whole numbers: rows, then labels, then pairs; {@link #restore} reads them. */
    public long[] save() {
        long[] a = new long[1 + labels + pairs.length];
        a[0] = rows;
        System.arraycopy(single, 0, a, 1, labels);
        System.arraycopy(pairs, 0, a, 1 + labels, pairs.length);
        return a;
    }

    /** Takes over saved counts of as many labels, or refuses them and changes nothing. */
    public void restore(long[] saved) {
        if (saved.length != 1 + labels + pairs.length) {
            throw new IllegalArgumentException("Saved pair counts have " + saved.length + " numbers; expected "
                    + (1 + labels + pairs.length) + " for " + labels + " labels.\nMaybe they were saved with others.");
        }
        rows = saved[0];
        System.arraycopy(saved, 1, single, 0, labels);
        System.arraycopy(saved, 1 + labels, pairs, 0, pairs.length);
    }

    /** The counts of these labels among themselves; a label from {@link #labels} on has none. */
    public PairCounter project(int[] some) {
        PairCounter c = new PairCounter(some.length);
        c.rows = rows;
        for (int i = 0; i < some.length; i++) {
            if (some[i] >= labels) {
                continue;
            }
            c.single[i] = single[some[i]];
            for (int j = i + 1; j < some.length; j++) {
                if (some[j] < labels) {
                    c.pairs[c.at(i, j)] = together(some[i], some[j]);
                }
            }
        }
        return c;
    }

    private int at(int i, int j) {
        return i * (2 * labels - i - 1) / 2 + j - i - 1;
    }
}
