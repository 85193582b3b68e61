package dev.holdfast.memory;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.function.Function;

/** The newest rows: slots are overwritten in a circle. */
public final class Ring implements StorePolicy {
    private final int capacity;
    private long seen;

    public Ring(int capacity) {
        this.capacity = ReplayBuffer.checkCapacity(capacity);
    }

    @Override
    public int admit(long id, int classId, Function<int[], Prediction> ask, Rng rng) {
        return (int) (seen++ % capacity);
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
