package dev.holdfast.memory;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Stateful;
import java.util.function.Function;

/** Which newcomers a full memory keeps, and instead of whom. */
@Frozen
public interface StorePolicy extends Stateful {
    /**
     * Slot for a newcomer, or -1 to turn it away; slots are filled in order before any is overwritten.
     *
     * @param id the newcomer's stable id
     * @param classId the newcomer's class, -1 without one
     * @param ask predictions of stored rows, for policies that look at them
     */
    int admit(long id, int classId, Function<int[], Prediction> ask, Rng rng);

    /** Losses of stored rows, for policies that weigh them. */
    default void feedback(int[] slots, double[] losses) {}
}
