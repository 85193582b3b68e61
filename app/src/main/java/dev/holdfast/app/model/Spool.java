package dev.holdfast.app.model;

import dev.holdfast.data.catalog.DataPair;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * What the user named, as something that can be opened more than once: rows from standard input are kept in a temporary
 * file, because features are fitted on all of them before the first is learnt.
 *
 * @param name as the user said it
 * @param spec what can be opened
 * @param file the temporary file, or null
 */
public record Spool(String name, String spec, Path file) implements AutoCloseable {
    /** The name of standard input. */
    public static final String STANDARD_INPUT = "-";

    private static final String SAID = "standard input";

    public static Spool of(String spec, InputStream stdin) {
        if (!spec.equals(STANDARD_INPUT)) {
            return new Spool(spec, spec, null);
        }
        try {
            Path file = Files.createTempFile("holdfast-rows", ".txt");
            file.toFile().deleteOnExit();
            Files.copy(stdin, file, StandardCopyOption.REPLACE_EXISTING);
            return new Spool(spec, format(file) + ":" + file, file);
        } catch (IOException e) {
            throw new UncheckedIOException("Rows from standard input cannot be kept: " + e.getMessage(), e);
        }
    }

    /** Rows under the name that the user knows. */
    public DataPair named(DataPair rows) {
        return file == null
                ? rows
                : new DataPair(SAID, said(rows.note()), rows.train(), rows.test(), rows.preprocessing());
    }

    /** A sentence without the temporary file's name. */
    String said(String text) {
        return file == null ? text : text.replace(file.toString(), SAID);
    }

    /** Rows of JSON begin with a brace, all others are CSV. */
    private static String format(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            int c;
            while ((c = in.read()) >= 0 && Character.isWhitespace(c)) {
                // up to the first visible character
            }
            return c == '{' ? "jsonl" : "csv";
        }
    }

    @Override
    public void close() {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                // it is a temporary file; the system takes it away
            }
        }
    }
}
