package dev.holdfast.run;

import dev.holdfast.tensor.Rng;
import java.nio.file.Path;

/** What every long procedure gets. */
public interface RunContext {
    Rng rng();

    void progress(long done, long total, String what);

    boolean cancelled();

    Path checkpoints();

    AssetStore assets();
}
