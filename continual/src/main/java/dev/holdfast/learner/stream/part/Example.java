package dev.holdfast.learner.stream.part;

import java.util.Arrays;

/**
 * One row on its way through a learner, with what is computed for it once and used by many parts: its scaled form, its
 * distances to stored rows, its random draws. A reader has one of its own and uses it for row after row.
 */
public final class Example {
    /** Members of every bagged ensemble. */
    public static final int MEMBERS = 10;

    private final StreamContext context;

    /** The columns of the row. */
    public double[] x;

    /** Active labels, ascending: the first {@link #count} entries. */
    public int[] labels = {};

    public int count;

    /** Weight given with the row. */
    public double weight = 1;

    /** Poisson(1) draw for trees. */
    public int poisson = 1;

    /** Poisson(1) draws of ensemble members. */
    public final int[] bag = new int[MEMBERS];

    /** The scaled row, and where it is not 0: the first {@link #filled} entries. */
    public final float[] z;

    public final int[] at;
    public int filled;

    int slot = -1;
    private int[] present = {};
    private int presentCount = -1;
    private boolean scaled;
    private double length = -1;
    private double[] distance = {};
    private int[] stamp = {};
    private int now;
    private final long[] windows = new long[16];
    private final double[][] nearest = new double[16][];
    private int remembered;
    private double[] scratch = {};
    private double[] buffer = {};
    private double[] part = {};
    private float[] units = {};

    /** What the units of an ensemble say of the present row, and which ensemble that is. */
    double[] answers = {};

    private OnlineBagging answered;

    public Example(StreamContext context) {
        this.context = context;
        this.z = new float[context.scaler().expanded()];
        this.at = new int[z.length];
    }

    /** Begins a row without labels. */
    public Example of(double[] row) {
        x = row;
        count = 0;
        weight = 1;
        slot = -1;
        presentCount = -1;
        scaled = false;
        length = -1;
        remembered = 0;
        answered = null;
        now++;
        return this;
    }

    /** Begins a row to learn: its labels ascend. */
    public Example of(double[] row, int[] active, int n, double w) {
        of(row);
        labels = active;
        count = n;
        weight = w;
        context.deal(this);
        return this;
    }

    /** Begins a stored row to learn again, with every draw 1. */
    public Example again(int stored, double[] buffer) {
        context.store().read(stored, buffer);
        of(buffer);
        labels = context.store().labels(stored);
        count = labels.length;
        slot = stored;
        poisson = 1;
        Arrays.fill(bag, 1);
        return this;
    }

    /** Where the row is not 0: the first {@link #presentCount} entries. */
    public int[] present() {
        if (presentCount < 0) {
            if (present.length < x.length) {
                present = new int[x.length];
            }
            presentCount = 0;
            for (int j = 0; j < x.length; j++) {
                if (x[j] != 0) {
                    present[presentCount++] = j;
                }
            }
        }
        return present;
    }

    /** How many columns of the row are not 0. */
    public int presentCount() {
        present();
        return presentCount;
    }

    /** The row was learnt by all parts; now its scale may move. */
    public void done() {
        context.done(this);
    }

    public StreamContext context() {
        return context;
    }

    /** Makes {@link #z} if it was not made yet. */
    public void scale() {
        if (!scaled) {
            filled = context.scaler().scale(x, present(), presentCount, z, at);
            scaled = true;
        }
    }

    /** Squared distance to a stored row; computed once however many parts ask. */
    public double distance(int stored) {
        if (stored >= stamp.length) {
            int n = Math.max(2 * stamp.length, context.store().slots() + 64);
            stamp = Arrays.copyOf(stamp, n);
            distance = Arrays.copyOf(distance, n);
        }
        if (stamp[stored] != now) {
            double[] inverse = context.scaler().inverses();
            if (length < 0) {
                double sum = 0;
                for (int j = 0; j < x.length; j++) {
                    double q = x[j] * inverse[j];
                    sum += q * q;
                }
                length = sum;
            }
            stamp[stored] = now;
            distance[stored] = context.store().distance(x, stored, inverse, length);
        }
        return distance[stored];
    }

    /**
     * The nearest rows of a window and their distances, if they were found before for a window of the same rows: windows of
     * several trees often hold the same ones. Null if not.
     */
    double[] found(long window, int k) {
        for (int i = 0; i < remembered; i++) {
            if (windows[i] == window && nearest[i].length == 2 * k) {
                return nearest[i];
            }
        }
        return null;
    }

    /** Room to remember 2k numbers for a window. */
    double[] remember(long window, int k) {
        int at = remembered < nearest.length ? remembered++ : nearest.length - 1;
        windows[at] = window;
        if (nearest[at] == null || nearest[at].length != 2 * k) {
            nearest[at] = new double[2 * k];
        }
        return nearest[at];
    }

    /** At least n doubles to compute in; whoever asks next gets the same. */
    public double[] scratch(int n) {
        if (scratch.length < n) {
            scratch = new double[n];
        }
        return scratch;
    }

    /** At least n doubles to compute in, other ones than {@link #scratch}. */
    public double[] buffer(int n) {
        if (buffer.length < n) {
            buffer = new double[n];
        }
        return buffer;
    }

    /** At least n doubles for the prediction of a part of a whole. */
    public double[] part(int n) {
        if (part.length < n) {
            part = new double[n];
        }
        return part;
    }

    /** Whether {@link #answers} are those of this ensemble. */
    boolean answered(OnlineBagging by) {
        return answered == by;
    }

    /** Room for n answers, from now on those of this ensemble; of none (null) where they no longer hold. */
    double[] answer(OnlineBagging by, int n) {
        answered = by;
        if (answers.length < n) {
            answers = new double[n];
        }
        return answers;
    }

    /** At least n floats to compute in; whoever asks next gets the same. */
    float[] units(int n) {
        if (units.length < n) {
            units = new float[n];
        }
        return units;
    }
}
