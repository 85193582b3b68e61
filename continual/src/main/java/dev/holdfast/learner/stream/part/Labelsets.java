package dev.holdfast.learner.stream.part;

import java.util.Arrays;

/** Weight of every distinct label set that was seen, and the heaviest (ties: the one seen first). One thread. */
public final class Labelsets {
    private int[] table = new int[8];
    private int[][] sets = new int[4][];
    private double[] weights = new double[4];
    private int size;
    private int heaviest = -1;

    /** Adds weight to the set of the first n entries, which ascend. */
    public void add(int[] set, int n, double weight) {
        int at = find(set, n);
        int k = table[at] - 1;
        if (k < 0) {
            if (size == weights.length) {
                sets = Arrays.copyOf(sets, 2 * size);
                weights = Arrays.copyOf(weights, 2 * size);
            }
            k = size++;
            sets[k] = Arrays.copyOf(set, n);
            table[at] = k + 1;
            if (2 * size > table.length) {
                grow();
            }
        }
        weights[k] += weight;
        if (heaviest < 0 || weights[k] > weights[heaviest]) {
            heaviest = k;
        }
    }

    private void grow() {
        table = new int[2 * table.length];
        for (int k = 0; k < size; k++) {
            table[find(sets[k], sets[k].length)] = k + 1;
        }
    }

    private int find(int[] set, int n) {
        int mask = table.length - 1;
        int h = n;
        for (int i = 0; i < n; i++) {
            h = h * 0x9E3779B1 + set[i] + 1;
        }
        int at = (h ^ (h >>> 15)) & mask;
        while (table[at] != 0 && !same(sets[table[at] - 1], set, n)) {
            at = (at + 1) & mask;
        }
        return at;
    }

    private static boolean same(int[] a, int[] b, int n) {
        return Arrays.equals(a, 0, a.length, b, 0, n);
    }

    /** Distinct sets seen. */
    public int distinct() {
        return size;
    }

    /** The heaviest set, ascending; null before any was seen. Not to be changed. */
    public int[] majority() {
        return heaviest < 0 ? null : sets[heaviest];
    }

    public double majorityWeight() {
        return heaviest < 0 ? 0 : weights[heaviest];
    }

    /** A set in order of first appearance; not to be changed. */
    public int[] set(int k) {
        return sets[k];
    }

    /** Weight of a set in order of first appearance. */
    public double weight(int k) {
        return weights[k];
    }

    public void save(NumberWriter w) {
        w.add(size).add(heaviest + 1);
        for (int k = 0; k < size; k++) {
            w.add(sets[k]).add(weights[k]);
        }
    }

    public static Labelsets restore(NumberReader r, int labels) {
        Labelsets s = new Labelsets();
        int n = r.integer(0, 1 << 28);
        int best = r.integer(0, n) - 1;
        for (int k = 0; k < n; k++) {
            int[] set = r.labels(labels);
            s.add(set, set.length, r.next());
        }
        if (s.size != n) {
            throw r.damaged("a label set is listed twice");
        }
        // equal weights may have been reached in another order than that of first appearance
        s.heaviest = best;
        return s;
    }
}
