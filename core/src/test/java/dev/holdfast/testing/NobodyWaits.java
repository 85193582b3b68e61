package dev.holdfast.testing;

import dev.holdfast.run.AssetStore;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Rng;
import java.nio.file.Path;

/** A run that nobody waits for. */
public record NobodyWaits(long seed) implements RunContext {
    @Override
    public Rng rng() {
        return Rng.of(seed);
    }

    @Override
    public void progress(long done, long total, String what) {}

    @Override
    public boolean cancelled() {
        return false;
    }

    @Override
    public Path checkpoints() {
        throw new UnsupportedOperationException("Nothing is written here.");
    }

    @Override
    public AssetStore assets() {
        return (key, make) -> make.get();
    }
}
