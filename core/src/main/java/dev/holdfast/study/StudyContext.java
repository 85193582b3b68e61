package dev.holdfast.study;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.run.RunContext;
import java.util.List;

/** What a study gets to run with. */
@Frozen
public interface StudyContext extends RunContext {
    /** How much work a study may be: seconds, minutes, as long as it takes. */
    enum Budget {
        SMOKE,
        QUICK,
        FULL
    }

    Budget budget();

    /** Seeds for {@code wanted} repetitions: 1, 2, 3, ... */
    List<Long> seeds(int wanted);

    /** A data set by id; a missing one is an error that says where it was looked for. */
    DataPair data(String id);

    /** The bytes of a text file, by its path below the data folder; a missing one is an error that says where it was looked for. */
    default byte[] text(String path) {
        return DataCatalog.text(path, DataOptions.defaults());
    }
}
