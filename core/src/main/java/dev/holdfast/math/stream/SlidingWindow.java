package dev.holdfast.math.stream;

/** The newest numbers of a stream, up to a capacity, with their mean. One thread. */
public final class SlidingWindow {
    private final double[] ring;
    private long count;

    /** @param capacity numbers kept, at least 1 */
    public SlidingWindow(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException(
                    "A window must hold at least 1 number but its capacity is " + capacity + ".");
        }
        this.ring = new double[capacity];
    }

    /** Takes one more number; the oldest falls out of a full window. */
    public void add(double x) {
        ring[(int) (count++ % ring.length)] = x;
    }

    /** Numbers held now. */
    public int size() {
        return (int) Math.min(count, ring.length);
    }

    public boolean full() {
        return count >= ring.length;
    }

    /** Mean of the numbers held, summed oldest first so that equal windows have equal bits; NaN if there are none. */
    public double mean() {
        int n = size();
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += ring[(int) ((count - n + i) % ring.length)];
        }
        return sum / n;
    }

    /** The numbers held, oldest first: adding them to a new window of the same capacity restores this one. */
    public double[] values() {
        int n = size();
        double[] v = new double[n];
        for (int i = 0; i < n; i++) {
            v[i] = ring[(int) ((count - n + i) % ring.length)];
        }
        return v;
    }
}
