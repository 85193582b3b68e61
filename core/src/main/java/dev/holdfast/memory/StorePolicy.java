package dev.holdfast.memory;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Stateful;
import java.util.function.Function;

/** Slot for a newcomer or -1; ask = predictions of stored rows, only if wanted (50 PL eviction); feedback = losses of entries (50 importance). */
public interface StorePolicy extends Stateful {
    int admit(long id, int column, Function<int[], Prediction> ask, Rng rng);

    default void feedback(int[] slots, double[] losses) {}
}
