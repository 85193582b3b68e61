package dev.holdfast.app.study;

import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.run.AssetStore;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.LongStream;

/** What a study gets to run with on this machine. Data sets are opened once. */
public final class StudyRun implements StudyContext, AutoCloseable {
    private final Budget budget;
    private final int mostSeeds;
    private final DataOptions options;
    private final Path folder;
    private final Console.Reading progress;
    private final BooleanSupplier cancelled;
    private final Map<String, DataPair> opened = new HashMap<>();

    /**
     * @param mostSeeds no more seeds than this; 0 = as many as the study wants
     * @param folder where checkpoints and trained bases are kept
     */
    public StudyRun(
            Budget budget,
            int mostSeeds,
            DataOptions options,
            Path folder,
            Console console,
            BooleanSupplier cancelled) {
        this.budget = budget;
        this.mostSeeds = mostSeeds;
        this.options = options;
        this.folder = folder;
        this.progress = console.reading();
        this.cancelled = cancelled;
    }

    @Override
    public Budget budget() {
        return budget;
    }

    @Override
    public List<Long> seeds(int wanted) {
        int n = mostSeeds > 0 ? Math.min(mostSeeds, wanted) : wanted;
        return LongStream.rangeClosed(1, n).boxed().toList();
    }

    @Override
    public DataPair data(String id) {
        return opened.computeIfAbsent(id, i -> DataCatalog.open(i, options));
    }

    @Override
    public byte[] text(String path) {
        return DataCatalog.text(path, options);
    }

    @Override
    public Rng rng() {
        return Rng.of(1);
    }

    @Override
    public void progress(long done, long total, String what) {
        progress.at(done, total, what);
    }

    @Override
    public boolean cancelled() {
        return cancelled.getAsBoolean();
    }

    @Override
    public Path checkpoints() {
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("The folder " + folder + " for checkpoints cannot be made", e);
        }
    }

    @Override
    public AssetStore assets() {
        return this::asset;
    }

    private State asset(String key, Supplier<State> make) {
        Path file = checkpoints().resolve("asset-" + hash(key) + ".safetensors");
        try {
            if (!Files.exists(file)) {
                Safetensors.write(file, make.get());
            }
            // also the first time: what is used is what will be used again
            return Safetensors.read(file);
        } catch (IOException e) {
            throw new UncheckedIOException("The asset '" + key + "' cannot be kept in " + file, e);
        }
    }

    private static String hash(String key) {
        try {
            byte[] h = MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(h, 0, 12);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
    }

    @Override
    public void close() {
        progress.close();
    }
}
