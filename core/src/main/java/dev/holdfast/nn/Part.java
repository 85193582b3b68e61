package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;

/**
 * Anything that owns sites or buffers: a layer, a model, an adapter.
 *
 * <p>{@link #describe} is the one method from which parameters, saved state and surgery follow; it lists own sites and
 * buffers in a fixed order and passes the inventory on to inner parts. Forward passes only read a part and may run in
 * several threads, as long as no thread changes leaves, sources or training-mode buffers meanwhile.
 */
@Frozen
public interface Part extends Stateful {
    /** Lists sites, spans, heads and buffers. */
    void describe(Inventory into);

    /** Deep copy; what is shared inside the original is shared inside the copy, by identity. */
    Part copy(Copier c);

    /** The distinct leaves of all sites, by identity, in the order of {@link #describe}. */
    default Parameters parameters() {
        return Inventory.of(this).parameters();
    }

    /** Leaves, buffers and head columns under their names; shares memory with this part. */
    @Override
    default State state() {
        return Inventory.of(this).state();
    }

    /**
     * Copies a saved state in; leaves keep their identity unless a head changes its number of columns.
     *
     * @throws IllegalArgumentException if a name is missing or unknown or a shape or type differs; nothing is changed
     */
    @Override
    default void load(State saved) {
        Inventory.of(this).load(saved);
    }
}
