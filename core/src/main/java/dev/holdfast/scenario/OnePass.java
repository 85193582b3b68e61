package dev.holdfast.scenario;

import dev.holdfast.data.DataSource;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.tensor.Rng;

/** Rows that can only be dealt, not looked up: what a stream is to a learner. */
record OnePass(DataSource data) implements DataSource {
    @Override
    public Schema schema() {
        return data.schema();
    }

    @Override
    public long size() {
        return data.size();
    }

    @Override
    public boolean rereadable() {
        return false;
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        if (pace.epochs() != 1) {
            throw new IllegalArgumentException(
                    "These rows pass by once but " + pace.epochs() + " epochs were asked for.");
        }
        return data.batches(pace, rng);
    }
}
