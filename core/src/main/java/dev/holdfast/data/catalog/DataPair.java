package dev.holdfast.data.catalog;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.table.Preprocessing;
import java.util.Optional;

/**
 * Rows to learn from and rows to be tested on.
 *
 * @param name short name for reports
 * @param note where the rows come from and what was done to them, in a sentence or two for people
 * @param preprocessing how raw table rows became numbers, to be kept with a model; empty for images
 */
@Frozen
public record DataPair(String name, String note, Dataset train, Dataset test, Optional<Preprocessing> preprocessing) {
    public DataPair {
        if (!train.schema().classes().equals(test.schema().classes())
                || !train.schema().inputs().equals(test.schema().inputs())) {
            throw new IllegalArgumentException("Training rows look like " + train.schema() + " but test rows like "
                    + test.schema() + "; expected the same.");
        }
    }

    /** Rows that need no preprocessing. */
    public DataPair(String name, String note, Dataset train, Dataset test) {
        this(name, note, train, test, Optional.empty());
    }

    public Schema schema() {
        return train.schema();
    }
}
