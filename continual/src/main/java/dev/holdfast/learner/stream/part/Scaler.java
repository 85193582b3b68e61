package dev.holdfast.learner.stream.part;

import java.util.Arrays;

/**
 * Running scale of every column: rows are brought to unit variance, and to mean 0 unless a column is zero in most of the
 * first rows (so that sparse rows stay sparse); the whole row then has a squared length of about {@link #LENGTH}, which
 * makes one learning rate fit any number of columns. Nominal columns pass as one column a value.
 *
 * <p>One thread; copies of the factors are refreshed every 16 rows.
 */
public final class Scaler {
    private static final double LENGTH = 4;
    private static final int SETTLED = 100;
    private static final int REFRESH = 16;
    private static final double CLIP = 10;

    private final FeatureSpace space;
    private final int width;
    private final int[] offset;
    private final int expanded;
    private final int nominals;

    private long rows;
    private final double[] mean;
    private final double[] squares;
    private final double[] zeros;
    private double[] centre;
    private double[] inverse;
    private double active;

    /** Columns whose centre is not 0. */
    private int[] centred = {};

    public Scaler(FeatureSpace space) {
        this.space = space;
        this.width = space.width();
        this.mean = new double[width];
        this.squares = new double[width];
        this.zeros = new double[width];
        this.centre = new double[width];
        this.inverse = new double[width];
        this.offset = new int[width];
        int at = 0;
        int n = 0;
        for (int j = 0; j < width; j++) {
            offset[j] = at;
            at += Math.max(1, space.vocabulary(j));
            n += space.vocabulary(j) > 0 ? 1 : 0;
        }
        this.expanded = at;
        this.nominals = n;
    }

    /** Columns of a scaled row. */
    public int expanded() {
        return expanded;
    }

    /** 1 / deviation of a numeric column; 0 before it has varied. */
    public double inverse(int column) {
        return inverse[column];
    }

    /** What is taken off a column before it is scaled: its mean, or 0 for a column that is mostly 0. */
    public double centre(int column) {
        return centre[column];
    }

    double[] inverses() {
        return inverse;
    }

    /** Takes a row into account. */
    public void observe(double[] x) {
        rows++;
        double share = 1.0 / rows;
        for (int j = 0; j < width; j++) {
            double d = x[j] - mean[j];
            mean[j] += d * share;
            squares[j] += d * (x[j] - mean[j]);
        }
        if (rows <= SETTLED) {
            for (int j = 0; j < width; j++) {
                zeros[j] += x[j] == 0 ? 1 : 0;
            }
        }
        if (rows < 4 * REFRESH || rows % REFRESH == 0) {
            refresh();
        }
    }

    private void refresh() {
        double norm = 0;
        for (int j = 0; j < width; j++) {
            double variance = squares[j] / rows;
            boolean numeric = space.vocabulary(j) == 0;
            inverse[j] = numeric && variance > 0 ? 1 / Math.sqrt(variance) : 0;
            boolean sparse = zeros[j] > 0.5 * Math.min(rows, SETTLED);
            centre[j] = sparse ? 0 : mean[j];
            if (inverse[j] > 0) {
                norm += sparse ? 1 + mean[j] * mean[j] / variance : 1;
            }
        }
        norm += nominals;
        centred = positions(centre);
        active = norm == 0 ? 0 : Math.sqrt(LENGTH / norm);
    }

    /** Where the numbers are not 0. */
    public static int[] positions(double[] a) {
        int[] at = new int[a.length];
        int n = 0;
        for (int j = 0; j < a.length; j++) {
            if (a[j] != 0) {
                at[n++] = j;
            }
        }
        return Arrays.copyOf(at, n);
    }

    /** The same as {@link #scale(double[], float[], int[])} for a row most of whose columns are 0. */
    private int scaleSparse(double[] x, int[] present, int count, float[] z, int[] at) {
        Arrays.fill(z, 0);
        int n = 0;
        for (int j : centred) {
            n = put(j, (x[j] - centre[j]) * inverse[j], z, at, n);
        }
        for (int k = 0; k < count; k++) {
            int j = present[k];
            if (centre[j] == 0) {
                n = put(j, x[j] * inverse[j], z, at, n);
            }
        }
        return n;
    }

    private int put(int j, double v, float[] z, int[] at, int n) {
        if (v == 0) {
            return n;
        }
        z[j] = (float) (active * Math.max(-CLIP, Math.min(CLIP, v)));
        at[n] = j;
        return n + 1;
    }

    /**
     * Writes the scaled row to {@code z} [expanded] and the positions of its entries that are not 0 to {@code at};
     * returns how many there are.
     */
    public int scale(double[] x, float[] z, int[] at) {
        return scale(x, null, x.length, z, at);
    }

    int scale(double[] x, int[] present, int count, float[] z, int[] at) {
        if (nominals == 0 && 3 * (count + centred.length) < width) {
            return scaleSparse(x, present, count, z, at);
        }
        int n = 0;
        for (int j = 0; j < width; j++) {
            int o = offset[j];
            int values = space.vocabulary(j);
            if (values > 0) {
                Arrays.fill(z, o, o + values, 0);
                z[o + (int) x[j]] = (float) active;
                at[n++] = o + (int) x[j];
                continue;
            }
            double v = (x[j] - centre[j]) * inverse[j];
            if (v == 0) {
                z[o] = 0;
            } else {
                z[o] = (float) (active * Math.max(-CLIP, Math.min(CLIP, v)));
                at[n++] = o;
            }
        }
        return n;
    }

    public void save(NumberWriter w) {
        w.add(rows).add(mean).add(squares).add(zeros).add(centre).add(inverse).add(active);
    }

    public void restore(NumberReader r) {
        rows = r.whole(0, 1L << 53);
        System.arraycopy(r.doubles(width), 0, mean, 0, width);
        System.arraycopy(r.doubles(width), 0, squares, 0, width);
        System.arraycopy(r.doubles(width), 0, zeros, 0, width);
        centre = r.doubles(width);
        inverse = r.doubles(width);
        active = r.next();
        centred = positions(centre);
    }
}
