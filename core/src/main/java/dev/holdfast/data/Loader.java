package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Stateful;
import java.util.Iterator;

/**
 * Batches one after the other. The position is state: a loader that is made with the same arguments and then loads it
 * continues with the same rows. Bound to one thread; a loader that reads a file holds it open until it is closed.
 */
@Frozen
public interface Loader extends Iterator<Batch>, Stateful, AutoCloseable {
    /** Frees what the loader holds open; nothing for rows in memory. */
    @Override
    default void close() {}
}
