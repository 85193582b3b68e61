package dev.holdfast.memory;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.function.Function;

/**
 * Reservoir sampling: after n offers every row offered so far is stored with the same probability capacity / n.
 *
 * <p>Row n (from 0) takes slot n while slots are free; later it takes slot r ~ U{0..n} if r is a slot, else it goes.
 * Vitter, <i>Random Sampling with a Reservoir</i>, ACM TOMS 1985, algorithm R.
 */
public final class Reservoir implements StorePolicy {
    private final int capacity;
    private long seen;

    public Reservoir(int capacity) {
        this.capacity = ReplayBuffer.checkCapacity(capacity);
    }

    @Override
    public int admit(long id, int classId, Function<int[], Prediction> ask, Rng rng) {
        // drawn for every row, so that row n's draw does not depend on the capacity
        return admit(rng.below(Math.toIntExact(Math.min(seen + 1, Integer.MAX_VALUE))));
    }

    /** As {@code admit} with the draw from {0..n} given. */
    public int admit(int draw) {
        long n = seen++;
        if (n < capacity) {
            return (int) n;
        }
        return draw < capacity ? draw : -1;
    }

    @Override
    public State state() {
        return new State().put("seen", seen);
    }

    @Override
    public void load(State saved) {
        seen = saved.integer("seen");
    }
}
