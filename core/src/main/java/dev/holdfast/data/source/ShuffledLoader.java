package dev.holdfast.data.source;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Rows;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.Arrays;
import java.util.NoSuchElementException;

/**
 * Deals a data set in batches, pass after pass. The order of pass e is a function of (seed, e), so the position is all
 * the state there is: a resumed loader continues with the same rows. Batches end with their pass. One thread.
 */
public final class ShuffledLoader implements Loader {
    private final Dataset data;
    private final Pace pace;
    private final Rng rng;
    private int epoch;
    private int cursor;
    private long step;
    private int[] order;
    private int orderOf = -1;

    public ShuffledLoader(Dataset data, Pace pace, Rng rng) {
        if (data.size() == 0) {
            throw new IllegalArgumentException("A data set without rows cannot be dealt in batches.");
        }
        this.data = data;
        this.pace = pace;
        this.rng = rng;
    }

    @Override
    public boolean hasNext() {
        return pace.steps() >= 0 ? step < pace.steps() : epoch < pace.epochs();
    }

    @Override
    public Batch next() {
        if (!hasNext()) {
            throw new NoSuchElementException("All " + step + " batches were dealt.");
        }
        if (orderOf != epoch) {
            order = pace.sampler().order(data, epoch, rng.child("epoch", epoch));
            orderOf = epoch;
            if (order.length == 0) {
                throw new IllegalStateException("The sampler dealt no row in pass " + epoch
                        + "; expected at least one of " + data.size() + ".");
            }
            if (cursor >= order.length) {
                throw new IllegalStateException("The saved position " + cursor + " lies behind the " + order.length
                        + " rows of pass " + epoch + ".\nMaybe the data changed since it was saved.");
            }
        }
        int to = Math.min(order.length, cursor + pace.batchSize());
        Batch b = data.rows(Arrays.copyOfRange(order, cursor, to));
        Rows rows = new Rows(b.rows().ids(), b.rows().weights(), b.rows().mix(), epoch, step);
        step++;
        cursor = to;
        if (cursor >= order.length) {
            cursor = 0;
            epoch++;
        }
        return new Batch(b.inputs(), b.target(), rows, b.task(), b.domain(), b.time(), b.group());
    }

    @Override
    public State state() {
        return new State().put("epoch", epoch).put("cursor", cursor).put("step", step);
    }

    @Override
    public void load(State saved) {
        int newEpoch = Math.toIntExact(saved.integer("epoch"));
        int newCursor = Math.toIntExact(saved.integer("cursor"));
        long newStep = saved.integer("step");
        if (newEpoch < 0 || newCursor < 0 || newStep < 0) {
            throw new IllegalArgumentException("A position has no negative parts but the saved one is pass " + newEpoch
                    + ", row " + newCursor + ", step " + newStep + ".");
        }
        epoch = newEpoch;
        cursor = newCursor;
        step = newStep;
    }
}
