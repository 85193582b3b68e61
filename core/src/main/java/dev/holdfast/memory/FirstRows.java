package dev.holdfast.memory;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.function.Function;

/** The first rows that come; later ones are turned away. */
public final class FirstRows implements StorePolicy {
    private final int capacity;
    private int filled;

    public FirstRows(int capacity) {
        this.capacity = ReplayBuffer.checkCapacity(capacity);
    }

    @Override
    public int admit(long id, int classId, Function<int[], Prediction> ask, Rng rng) {
        return filled < capacity ? filled++ : -1;
    }

    @Override
    public State state() {
        return new State().put("filled", filled);
    }

    @Override
    public void load(State saved) {
        long n = saved.integer("filled");
        if (n < 0 || n > capacity) {
            throw new IllegalArgumentException("The saved memory says that " + n + " of " + capacity
                    + " slots are filled.\nMaybe the file is damaged.");
        }
        filled = (int) n;
    }
}
