package dev.holdfast.run;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Rng;
import java.nio.file.Path;

/** What every long procedure gets: its randomness, and its ties to whoever waits for it. */
@Frozen
public interface RunContext {
    /** Root of all draws. */
    Rng rng();

    /** Says how far things are; total -1 = unknown. */
    void progress(long done, long total, String what);

    /** True once the procedure should end at the next consistent state. */
    boolean cancelled();

    /** Folder for what must survive a crash. */
    Path checkpoints();

    AssetStore assets();
}
