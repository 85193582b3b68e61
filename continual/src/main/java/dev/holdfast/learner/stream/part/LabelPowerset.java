package dev.holdfast.learner.stream.part;

import dev.holdfast.math.Philox;
import java.util.Arrays;

/**
 * Nearest neighbours that vote for whole label sets: the k nearest of the newest rows of a leaf, each with weight
 * 1/distance. A label's probability is half the votes that it got plus one half if it is in the set with the most votes,
 * so that the labels above one half are exactly that set.
 *
 * <p>Rows are shared with other windows through a {@link RowStore}. One thread learns; any number may predict meanwhile
 * if the caller locks.
 */
public final class LabelPowerset {
    private final int neighbours;
    private final int[] ring;
    private long count;

    /** Depends on which rows are held. */
    private long signature;

    /** @param window rows kept */
    public LabelPowerset(int neighbours, int window) {
        this.neighbours = neighbours;
        this.ring = new int[window];
    }

    /** Rows held. */
    public int size() {
        return (int) Math.min(count, ring.length);
    }

    /** Slots of the rows held, oldest first. */
    public int[] slots() {
        int n = size();
        int[] s = new int[n];
        for (int i = 0; i < n; i++) {
            s[i] = ring[(int) ((count - n + i) % ring.length)];
        }
        return s;
    }

    /** Keeps a row; the oldest falls out of a full window. */
    public void learn(Example e) {
        RowStore store = e.context().store();
        push(store, store.hold(e));
    }

    /** Keeps a stored row. */
    public void keep(RowStore store, int slot) {
        store.hold(slot);
        push(store, slot);
    }

    private void push(RowStore store, int slot) {
        int at = (int) (count % ring.length);
        if (count >= ring.length) {
            signature -= Philox.mix(store.serial(ring[at]));
            store.release(ring[at]);
        }
        signature += Philox.mix(store.serial(slot));
        ring[at] = slot;
        count++;
    }

    /** Lets all rows go. */
    public void close(RowStore store) {
        for (int slot : slots()) {
            store.release(slot);
        }
        count = 0;
        signature = 0;
    }

    /**
     * Writes P(label) of this row to {@code p} [labels of the leaf].
     *
     * @param local place of each label of the stream among the leaf's labels, -1 for labels of others
     */
    public void predict(Example e, int[] local, double[] p) {
        Arrays.fill(p, 0);
        int n = size();
        int k = Math.min(neighbours, n);
        if (k == 0) {
            return;
        }
        double[] near = e.found(signature, k);
        if (near == null) {
            near = e.remember(signature, k);
            find(e, n, k, near);
        }
        double[] votes = e.scratch(k);
        RowStore store = e.context().store();
        double all = 0;
        for (int i = 0; i < k; i++) {
            votes[i] = 1 / (Math.sqrt(near[i]) + 1e-9);
            all += votes[i];
        }
        int best = 0;
        double most = -1;
        for (int i = 0; i < k; i++) {
            int[] set = store.labels((int) near[k + i]);
            double together = 0;
            for (int j = 0; j < k; j++) {
                together += same(set, store.labels((int) near[k + j]), local) ? votes[j] : 0;
            }
            if (together > most) {
                most = together;
                best = i;
            }
            double share = 0.5 * votes[i] / all;
            for (int label : set) {
                if (local[label] >= 0) {
                    p[local[label]] += share;
                }
            }
        }
        for (int label : store.labels((int) near[k + best])) {
            if (local[label] >= 0) {
                // shares add up to a half but for rounding
                p[local[label]] = Math.min(1, 0.5 + p[local[label]]);
            }
        }
    }

    /** Writes the k least distances, ascending, and the slots of these rows to {@code near}; ties: the older row. */
    private void find(Example e, int n, int k, double[] near) {
        int found = 0;
        int from = (int) ((count - n) % ring.length);
        for (int i = 0; i < n; i++) {
            int slot = ring[from];
            from = from + 1 == ring.length ? 0 : from + 1;
            double d = e.distance(slot);
            if (found == k && !(d < near[k - 1])) {
                continue;
            }
            int at = found < k ? found++ : k - 1;
            while (at > 0 && near[at - 1] > d) {
                near[at] = near[at - 1];
                near[k + at] = near[k + at - 1];
                at--;
            }
            near[at] = d;
            near[k + at] = slot;
        }
    }

    /** Equal on the leaf's labels. */
    private static boolean same(int[] a, int[] b, int[] local) {
        if (a == b) {
            return true;
        }
        int i = 0;
        int j = 0;
        while (true) {
            while (i < a.length && local[a[i]] < 0) {
                i++;
            }
            while (j < b.length && local[b[j]] < 0) {
                j++;
            }
            if (i == a.length || j == b.length) {
                return i == a.length && j == b.length;
            }
            if (a[i++] != b[j++]) {
                return false;
            }
        }
    }

    /** A window of its own over the same rows. */
    public LabelPowerset copy(RowStore store) {
        LabelPowerset c = new LabelPowerset(neighbours, ring.length);
        for (int slot : slots()) {
            c.keep(store, slot);
        }
        return c;
    }

    public void save(NumberWriter w) {
        w.add(slots());
    }

    /** Reads a window whose rows the restored store already counts as held. */
    public void restore(NumberReader r, RowStore store) {
        int[] slots = store.window(r, ring.length);
        System.arraycopy(slots, 0, ring, 0, slots.length);
        count = slots.length;
        signature = 0;
        for (int slot : slots) {
            signature += Philox.mix(store.serial(slot));
        }
    }
}
