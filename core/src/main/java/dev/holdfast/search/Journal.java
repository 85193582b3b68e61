package dev.holdfast.search;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Finished runs of a search, one JSON line each, so that a search that was cut off goes on where it stood. A run is found
 * again by everything that it depends on (learner, settings, scenario, rows, seed), so lines of other searches do no harm.
 * One writer.
 */
public final class Journal {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** One finished run. */
    record Line(String learner, Map<String, String> setting, long seed, String run, Outcome outcome) {}

    private final Path file;
    private final Map<String, Outcome> done = new LinkedHashMap<>();

    private Journal(Path file) {
        this.file = file;
    }

    /** Remembers runs for as long as it lives. */
    public static Journal inMemory() {
        return new Journal(null);
    }

    /**
     * Goes on with a file, or begins it. A last line that was cut off while it was written is dropped; any other damage is
     * an error.
     */
    public static Journal at(Path file) {
        Journal j = new Journal(file);
        try {
            if (Files.exists(file)) {
                j.read();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file + ": " + e.getMessage(), e);
        }
        return j;
    }

    private void read() throws IOException {
        String text = Files.readString(file);
        int whole = text.lastIndexOf('\n') + 1;
        List<String> lines = text.substring(0, whole).lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            try {
                Line l = JSON.readValue(lines.get(i), Line.class);
                done.put(l.run, l.outcome);
            } catch (JsonProcessingException e) {
                throw new IllegalArgumentException(
                        "Line " + (i + 1) + " of " + file + " is not a finished run: " + e.getOriginalMessage()
                                + "\nMaybe the file belongs to something else; move it away to begin afresh.",
                        e);
            }
        }
        if (whole < text.length()) {
            Files.writeString(file, text.substring(0, whole));
        }
    }

    /** The run's outcome: what is on record, else what {@code run} gives, which is put on record if there is one. */
    Optional<Outcome> of(
            String learner, Map<String, String> setting, long seed, String key, Supplier<Optional<Outcome>> run) {
        Outcome known = done.get(key);
        if (known != null) {
            return Optional.of(known);
        }
        Optional<Outcome> fresh = run.get();
        fresh.ifPresent(o -> {
            done.put(key, o);
            if (file != null) {
                write(new Line(learner, setting, seed, key, o));
            }
        });
        return fresh;
    }

    private void write(Line l) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(
                    file,
                    JSON.writeValueAsString(l) + "\n",
                    StandardCharsets.UTF_8,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    /** Runs on record. */
    public int size() {
        return done.size();
    }
}
