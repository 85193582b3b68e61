package dev.holdfast.data;

import dev.holdfast.tensor.Rng;

public interface DataSource {
    Schema schema();

    long size();

    boolean rereadable();

    Loader batches(Pace pace, Rng rng);
}
