package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Rng;

/** Rows that can be dealt in batches, in memory ({@link Dataset}) or read in pieces from a file larger than memory. */
@Frozen
public interface DataSource {
    Schema schema();

    /** Number of rows, or -1 where it is not known before the end (a stream). */
    long size();

    /** False for a stream that passes once. */
    boolean rereadable();

    /** The rows in batches at a pace; equal arguments deal equal batches. The loader belongs to one thread. */
    Loader batches(Pace pace, Rng rng);
}
