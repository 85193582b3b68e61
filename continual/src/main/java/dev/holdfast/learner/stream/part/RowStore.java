package dev.holdfast.learner.stream.part;

import java.util.Arrays;

/**
 * Rows that several windows hold at once: each is stored one time, sparse where that is smaller, and freed when no window
 * holds it. One thread writes.
 */
public final class RowStore {
    private static final int[] NONE = {};

    private final FeatureSpace space;
    private final int labels;
    private double[][] values = new double[64][];
    private int[][] columns = new int[64][];
    private int[][] sets = new int[64][];
    private int[] holders = new int[64];
    private long[] serials = new long[64];
    private long serial;
    private int[] free = new int[64];
    private int freed;
    private int size;

    RowStore(FeatureSpace space, int labels) {
        this.space = space;
        this.labels = labels;
    }

    /** Slots in use or used before. */
    int slots() {
        return size;
    }

    /** Holds the row of {@code e} once more and returns its slot. */
    public int hold(Example e) {
        if (e.slot < 0) {
            e.slot = put(e.x, Arrays.copyOf(e.labels, e.count));
        }
        holders[e.slot]++;
        return e.slot;
    }

    /** Holds a stored row once more. */
    public void hold(int slot) {
        holders[slot]++;
    }

    /** Lets go of a row. */
    public void release(int slot) {
        if (--holders[slot] == 0) {
            values[slot] = null;
            columns[slot] = null;
            sets[slot] = null;
            free[freed++] = slot;
        }
    }

    private int put(double[] x, int[] active) {
        int slot = freed > 0 ? free[--freed] : size++;
        if (slot >= values.length) {
            int n = 2 * values.length;
            values = Arrays.copyOf(values, n);
            columns = Arrays.copyOf(columns, n);
            sets = Arrays.copyOf(sets, n);
            holders = Arrays.copyOf(holders, n);
            serials = Arrays.copyOf(serials, n);
            free = Arrays.copyOf(free, n);
        }
        serials[slot] = ++serial;
        int filled = 0;
        for (double v : x) {
            filled += v != 0 ? 1 : 0;
        }
        if (!space.hasNominal() && filled * 3 < x.length) {
            int[] c = filled == 0 ? NONE : new int[filled];
            double[] v = new double[filled];
            int n = 0;
            for (int j = 0; j < x.length; j++) {
                if (x[j] != 0) {
                    c[n] = j;
                    v[n++] = x[j];
                }
            }
            columns[slot] = c;
            values[slot] = v;
        } else {
            columns[slot] = null;
            values[slot] = x.clone();
        }
        sets[slot] = active;
        return slot;
    }

    /** A number that no other row of this store has. */
    long serial(int slot) {
        return serials[slot];
    }

    /** Labels of a stored row, ascending; not to be changed. */
    public int[] labels(int slot) {
        return sets[slot];
    }

    /** Writes a stored row to {@code x}. */
    public void read(int slot, double[] x) {
        int[] c = columns[slot];
        double[] v = values[slot];
        if (c == null) {
            System.arraycopy(v, 0, x, 0, v.length);
            return;
        }
        Arrays.fill(x, 0);
        for (int k = 0; k < c.length; k++) {
            x[c[k]] = v[k];
        }
    }

    /** Squared distance, columns brought to unit variance; a nominal column counts 1 where it differs. */
    double distance(double[] x, int slot, double[] inverse, double length) {
        double[] a = values[slot];
        int[] c = columns[slot];
        double d = 0;
        if (c != null) {
            // what x alone gives, corrected where the stored row is not zero
            d = length;
            for (int k = 0; k < c.length; k++) {
                int j = c[k];
                double w = inverse[j];
                double q = x[j] * w;
                double t = q - a[k] * w;
                d += t * t - q * q;
            }
            return Math.max(0, d);
        }
        if (!space.hasNominal()) {
            for (int j = 0; j < a.length; j++) {
                double t = (x[j] - a[j]) * inverse[j];
                d += t * t;
            }
            return d;
        }
        for (int j = 0; j < a.length; j++) {
            if (space.vocabulary(j) > 0) {
                d += x[j] == a[j] ? 0 : 1;
            } else {
                double t = (x[j] - a[j]) * inverse[j];
                d += t * t;
            }
        }
        return d;
    }

    void save(NumberWriter w) {
        w.add(size).add(serial).add(Arrays.copyOf(free, freed));
        for (int s = 0; s < size; s++) {
            w.add(holders[s]);
            if (holders[s] > 0) {
                w.add(serials[s]).add(sets[s]).add(columns[s] != null);
                if (columns[s] != null) {
                    w.add(columns[s]);
                }
                w.add(values[s]);
            }
        }
    }

    void restore(NumberReader r) {
        size = r.integer(0, 1 << 24);
        serial = r.whole(0, 1L << 53);
        int n = Math.max(64, size);
        int[] open = r.ints(0, Math.max(0, size - 1));
        free = Arrays.copyOf(open, n);
        freed = open.length;
        values = new double[n][];
        columns = new int[n][];
        sets = new int[n][];
        holders = new int[n];
        serials = new long[n];
        for (int s = 0; s < size; s++) {
            holders[s] = r.integer(0, 1 << 24);
            if (holders[s] > 0) {
                serials[s] = r.whole(1, serial);
                sets[s] = r.labels(labels);
                columns[s] = r.flag() ? r.labels(space.width()) : null;
                values[s] = r.doubles(columns[s] == null ? space.width() : columns[s].length);
            }
        }
    }

    /** The slots of a saved window. */
    public int[] window(NumberReader r, int capacity) {
        int[] slots = r.ints(0, Math.max(0, size - 1));
        if (slots.length > capacity) {
            throw r.damaged("a window of " + capacity + " rows holds " + slots.length);
        }
        for (int s : slots) {
            if (holders[s] == 0) {
                throw r.damaged("a window holds row " + s + ", which is not stored");
            }
        }
        return slots;
    }
}
