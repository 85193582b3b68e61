package dev.holdfast.learner.stream.part;

import dev.holdfast.tensor.Rng;

/**
 * What all parts of one learner share: the columns, their running scale, the stored rows, and the random draws of each
 * row. One thread learns; {@link Example}s of readers only read.
 */
public final class StreamContext {
    /** P(Poisson(1) <= k) times 2^32. */
    private static final long[] POISSON = new long[12];

    static {
        double p = Math.exp(-1);
        double sum = 0;
        for (int k = 0; k < POISSON.length; k++) {
            sum += p;
            POISSON[k] = (long) (sum * 0x1p32);
            p /= k + 1;
        }
    }

    private final FeatureSpace space;
    private final int labels;
    private final Rng rng;
    private final Scaler scaler;
    private final RowStore store;
    private final double[] work;
    private final int[] positions;
    private long rows;

    public StreamContext(FeatureSpace space, int labels, Rng rng) {
        this.space = space;
        this.labels = labels;
        this.rng = rng;
        this.scaler = new Scaler(space);
        this.store = new RowStore(space, labels);
        this.work = new double[space.width()];
        this.positions = new int[space.width()];
    }

    /** One number a column, for the thread that learns to compute in. */
    public double[] work() {
        return work;
    }

    /** One position a column, for the thread that learns to compute in. */
    public int[] positions() {
        return positions;
    }

    public FeatureSpace space() {
        return space;
    }

    /** Number of labels of the whole stream. */
    public int labels() {
        return labels;
    }

    public Scaler scaler() {
        return scaler;
    }

    public RowStore store() {
        return store;
    }

    public Rng rng() {
        return rng;
    }

    /** Rows learnt before the present one. */
    public long rows() {
        return rows;
    }

    /** Deals the Poisson(1) draws of the present row: one for trees, one for each member of an ensemble. */
    void deal(Example e) {
        Rng draws = rng.child("row", rows);
        e.poisson = draw(draws);
        for (int m = 0; m < e.bag.length; m++) {
            e.bag[m] = draw(draws);
        }
    }

    private static int draw(Rng r) {
        long u = r.nextInt() & 0xFFFFFFFFL;
        int k = 0;
        while (k < POISSON.length - 1 && u >= POISSON[k]) {
            k++;
        }
        return k;
    }

    /** The present row was learnt. */
    void done(Example e) {
        scaler.observe(e.x);
        rows++;
    }

    public void save(NumberWriter w) {
        w.add(rows);
        scaler.save(w);
        store.save(w);
    }

    public void restore(NumberReader r) {
        rows = r.whole(0, 1L << 53);
        scaler.restore(r);
        store.restore(r);
    }
}
