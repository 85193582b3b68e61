package dev.holdfast.app.report;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.holdfast.search.Journal;
import dev.holdfast.tensor.AtomicFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The files of a comparison in one folder: results.json, results.csv, report.html; each replaced as a whole. */
public final class ReportFiles {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private final Path folder;

    public ReportFiles(Path folder) {
        this.folder = folder;
    }

    public Path results() {
        return folder.resolve("results.json");
    }

    public Path csv() {
        return folder.resolve("results.csv");
    }

    public Path report() {
        return folder.resolve("report.html").toAbsolutePath();
    }

    /** Finished runs of a search: those of an earlier run if it goes on, else none. */
    public Journal tuning(boolean resume) {
        Path file = folder.resolve("tuning.jsonl");
        try {
            if (!resume) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot replace " + file + ": " + e.getMessage(), e);
        }
        return Journal.at(file);
    }

    /** What an earlier, unfinished run of exactly this request left; of another request an error. */
    public Optional<Comparison> unfinished(Comparison.Request request) {
        if (!Files.exists(results())) {
            return Optional.empty();
        }
        Comparison old = read(results());
        if (!old.request().equals(request)) {
            throw new IllegalArgumentException(results() + " holds results of another request.\nThen: " + old.request()
                    + "\nNow:  " + request
                    + "\nMaybe choose another --out, or leave --resume out to start afresh.");
        }
        return Optional.of(old);
    }

    /** Reads a results file; a damaged or newer one is refused. */
    public static Comparison read(Path file) {
        try {
            int format = JSON.readTree(file.toFile()).path("format").asInt();
            if (format != Comparison.FORMAT) {
                throw new IllegalArgumentException(file + " has format " + format + " but this program reads format "
                        + Comparison.FORMAT + ".\nMaybe it was written by another version.");
            }
            return JSON.readValue(file.toFile(), Comparison.class);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    file + " is not a readable results file: " + e.getMessage()
                            + "\nMaybe leave --resume out to start afresh.",
                    e);
        }
    }

    /** results.json as text. */
    public static String json(Comparison c) {
        try {
            return JSON.writeValueAsString(c);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes results.json and results.csv. */
    public void write(Comparison c) {
        replace(results(), json(c));
        replace(csv(), CsvReport.of(c));
    }

    /** Writes report.html. */
    public void writeReport(Comparison c) {
        replace(report(), HtmlReport.of(c));
    }

    private static void replace(Path file, String text) {
        write(file, text, "--out");
    }

    /** Writes a file whole or not at all; {@code option} is the one that named it. */
    static void write(Path file, String text, String option) {
        Path whole = file.toAbsolutePath();
        try {
            Files.createDirectories(whole.getParent());
            AtomicFile.write(whole, out -> {
                ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "Cannot write " + file + ": " + e.getMessage() + "\nMaybe choose another " + option + ".", e);
        }
    }
}
