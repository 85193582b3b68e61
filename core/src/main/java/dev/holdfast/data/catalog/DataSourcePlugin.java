package dev.holdfast.data.catalog;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import java.nio.file.Path;
import java.util.Optional;

/** A data set that can be named by id, found by {@link java.util.ServiceLoader}; a jar of your own adds more. */
@Frozen
public interface DataSourcePlugin {
    /** Name on the command line: lower case letters, digits and hyphens. */
    String id();

    /** One line for the list of data sets. */
    String summary();

    /**
     * The table behind the id, where it is one: then the set can also be read in pieces, all rows in the order of the
     * file. A missing file is refused.
     */
    default Optional<Path> table(DataOptions options) {
        return Optional.empty();
    }

    /** Reads the set, or says with a {@link dev.holdfast.data.DataException} where it was looked for. */
    DataPair open(DataOptions options, Progress progress);
}
