package dev.holdfast.math.stream;

import java.util.Arrays;

/**
 * Adaptive window over a stream of numbers: keeps as many of the newest ones as are consistent with one mean, and drops
 * the older part when two parts of the window differ by more than chance allows.
 *
 * <p>The window is an exponential histogram: row i of buckets holds up to 5 sums of 2^i numbers, so a window of W numbers
 * takes O(log W) memory. Every 32 numbers all cuts between buckets are tested, oldest first; a cut into parts of n0 and n1
 * numbers with means m0 and m1 drops the oldest bucket if
 *
 * <pre>{@code |m0 - m1| > sqrt(2 m v ln(2 ln W / delta)) + 2/3 m ln(2 ln W / delta),   m = 1/(n0 - 4) + 1/(n1 - 4)}</pre>
 *
 * with v the variance of the window. Windows, means and detections agree with those of MOA's implementation.
 *
 * <p>Bifet, Gavaldà: <i>Learning from Time-Changing Data with Adaptive Windowing</i>, SDM 2007, section 3. One thread.
 */
public final class Adwin {
    /** Confidence that the paper's experiments and MOA use. */
    public static final double DELTA = 0.002;

    private static final int BUCKETS = 5;
    private static final int STRIDE = BUCKETS + 1;
    private static final int CLOCK = 32;
    private static final int MIN_WINDOW = 10;
    private static final int MIN_PART = 5;
    private static final int HEADER = 8;

    private final double delta;

    /** Buckets of row i at i * STRIDE, oldest first. */
    private double[] sums = new double[8 * STRIDE];

    private double[] variances = new double[8 * STRIDE];
    private int[] filled = new int[8];
    private int rows = 1;

    private long time;
    private long width;
    private double total;
    private double variance;
    private long detections;
    private boolean rose;

    /** @param delta confidence in (0, 1): smaller means fewer false alarms */
    public Adwin(double delta) {
        if (!(delta > 0 && delta < 1)) {
            throw new IllegalArgumentException("The confidence delta must be in (0, 1) but is " + delta + ".");
        }
        this.delta = delta;
    }

    /** With {@link #DELTA}. */
    public Adwin() {
        this(DELTA);
    }

    /** Takes one more number; true if the window was cut, so the mean has changed. */
    public boolean add(double x) {
        if (!Double.isFinite(x)) {
            throw new IllegalArgumentException("An adaptive window takes finite numbers but got " + x + ".");
        }
        insert(x);
        time++;
        return time % CLOCK == 0 && width > MIN_WINDOW && shrink();
    }

    /** Numbers in the window. */
    public long width() {
        return width;
    }

    /** Mean of the window; 0 if it is empty. */
    public double mean() {
        return width == 0 ? 0 : total / width;
    }

    /** Variance of the window (over n, not n - 1); 0 if it is empty. */
    public double variance() {
        return width == 0 ? 0 : variance / width;
    }

    /** How many calls of {@link #add} found a change. */
    public long detections() {
        return detections;
    }

    /** True if the last change found was upwards: the newer part had the larger mean. False before any change. */
    public boolean rose() {
        return rose;
    }

    private void insert(double x) {
        if (width > 0) {
            double d = x - total / width;
            variance += width * d * d / (width + 1);
        }
        width++;
        total += x;
        append(0, x, 0);
        // six buckets are one too many: the two oldest become one of the next row
        for (int i = 0; i < rows && filled[i] > BUCKETS; i++) {
            int at = i * STRIDE;
            double n = 1L << i;
            double d = sums[at] / n - sums[at + 1] / n;
            append(i + 1, sums[at] + sums[at + 1], variances[at] + variances[at + 1] + n * n * d * d / (n + n));
            drop(i, 2);
        }
    }

    private void append(int row, double sum, double spread) {
        if (row == rows) {
            rows++;
            if (rows > filled.length) {
                filled = Arrays.copyOf(filled, 2 * filled.length);
                sums = Arrays.copyOf(sums, STRIDE * filled.length);
                variances = Arrays.copyOf(variances, STRIDE * filled.length);
            }
        }
        int at = row * STRIDE + filled[row]++;
        sums[at] = sum;
        variances[at] = spread;
    }

    private void drop(int row, int count) {
        int at = row * STRIDE;
        int left = filled[row] - count;
        System.arraycopy(sums, at + count, sums, at, left);
        System.arraycopy(variances, at + count, variances, at, left);
        Arrays.fill(sums, at + left, at + STRIDE, 0);
        Arrays.fill(variances, at + left, at + STRIDE, 0);
        filled[row] = left;
    }

    /** Tests all cuts again after every bucket dropped. */
    private boolean shrink() {
        boolean changed = false;
        while (cut()) {
            changed = true;
        }
        if (changed) {
            detections++;
        }
        return changed;
    }

    private boolean cut() {
        // what every cut of this window shares
        double confidence = Math.log(2 * Math.log(width) / delta);
        double v = variance / width;
        double n0 = 0;
        double n1 = width;
        double u0 = 0;
        double u1 = total;
        for (int i = rows - 1; i >= 0; i--) {
            double n = 1L << i;
            for (int k = 0; k < filled[i]; k++) {
                if (i == 0 && k == filled[i] - 1) {
                    return false;
                }
                double u = sums[i * STRIDE + k];
                n0 += n;
                n1 -= n;
                u0 += u;
                u1 -= u;
                if (n0 <= MIN_PART + 1 || n1 <= MIN_PART + 1) {
                    continue;
                }
                double difference = u0 / n0 - u1 / n1;
                double m = 1 / (n0 - MIN_PART + 1) + 1 / (n1 - MIN_PART + 1);
                if (Math.abs(difference) > Math.sqrt(2 * m * v * confidence) + 2.0 / 3 * confidence * m) {
                    rose = difference < 0;
                    forgetOldest();
                    return width > 0;
                }
            }
        }
        return false;
    }

    private void forgetOldest() {
        int last = rows - 1;
        double n = 1L << last;
        double u = sums[last * STRIDE];
        width -= 1L << last;
        total -= u;
        double d = u / n - total / width;
        variance -= variances[last * STRIDE] + n * width * d * d / (n + width);
        drop(last, 1);
        if (filled[last] == 0 && last > 0) {
            rows--;
        }
    }

    /** Everything but delta as numbers, exactly; {@link #restore} reads them. */
    public double[] save() {
        int cells = rows * STRIDE;
        double[] a = new double[HEADER + rows + 2 * cells];
        a[0] = rows;
        a[1] = time;
        a[2] = width;
        a[3] = total;
        a[4] = variance;
        a[5] = detections;
        a[6] = rose ? 1 : 0;
        for (int i = 0; i < rows; i++) {
            a[HEADER + i] = filled[i];
        }
        System.arraycopy(sums, 0, a, HEADER + rows, cells);
        System.arraycopy(variances, 0, a, HEADER + rows + cells, cells);
        return a;
    }

    /** A window that goes on like the one {@link #save} was called on; refuses numbers that are no saved window. */
    public static Adwin restore(double delta, double[] saved) {
        Adwin w = new Adwin(delta);
        int n = saved.length < HEADER ? 0 : (int) saved[0];
        if (n < 1 || n > 60 || saved.length != HEADER + n + 2 * n * STRIDE) {
            throw new IllegalArgumentException("A saved adaptive window has " + saved.length
                    + " numbers, which fits no window.\nMaybe the file is damaged.");
        }
        w.filled = new int[Math.max(8, n)];
        w.rows = n;
        w.time = (long) saved[1];
        w.width = (long) saved[2];
        w.total = saved[3];
        w.variance = saved[4];
        w.detections = (long) saved[5];
        w.rose = saved[6] != 0;
        long held = 0;
        for (int i = 0; i < n; i++) {
            double f = saved[HEADER + i];
            if (!(f >= 0 && f <= BUCKETS)) {
                throw new IllegalArgumentException("Row " + i + " of a saved adaptive window has " + f
                        + " buckets; expected 0 to " + BUCKETS + ".\nMaybe the file is damaged.");
            }
            w.filled[i] = (int) f;
            held += w.filled[i] * (1L << i);
        }
        if (held != w.width) {
            throw new IllegalArgumentException("A saved adaptive window says that it holds " + w.width
                    + " numbers but its buckets hold " + held + ".\nMaybe the file is damaged.");
        }
        w.sums = new double[w.filled.length * STRIDE];
        w.variances = new double[w.filled.length * STRIDE];
        System.arraycopy(saved, HEADER + n, w.sums, 0, n * STRIDE);
        System.arraycopy(saved, HEADER + n + n * STRIDE, w.variances, 0, n * STRIDE);
        return w;
    }
}
