package dev.holdfast.data.catalog;

import dev.holdfast.data.DataException;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Names;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.table.ArffTable;
import dev.holdfast.data.table.DuckTable;
import dev.holdfast.data.table.Preprocessing;
import dev.holdfast.data.table.Table;
import dev.holdfast.data.table.TableSource;
import dev.holdfast.data.table.Tables;
import dev.holdfast.data.text.FeatureCache;
import dev.holdfast.data.text.SentenceFeatures;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * Opens data by name. A name is
 *
 * <ul>
 *   <li>an id: {@code fashion}, {@code mnist}, {@code mnist1d}, {@code sample}, or one that a jar adds ({@link
 *       DataSourcePlugin});
 *   <li>a path, as it stands or below the data folder: a CSV, Parquet, JSON-lines, ARFF or IDX file, a folder with the
 *       four IDX files of a set, a folder of images in class folders, or of {@code train/} and {@code test/} with such;
 *   <li>{@code -} for rows on standard input up to its end, CSV unless another format stands in front;
 *   <li>any of these with options, {@code rows.csv?label=kind&ignore=id,date}, and with the format in front where the name does
 *       not tell it, {@code csv:rows.txt?label=kind}. Options: label, text, ignore, categories, test, seed, standardise,
 *       encoding, indicators, rows, separator, header (see {@link DataOptions}).
 * </ul>
 *
 * <p>Pure functions of names, options and files; safe from any thread.
 */
public final class DataCatalog {
    private static final String STANDARD_INPUT = "-";

    private DataCatalog() {}

    /** Data sets that can be named by id, with a line about each, ids ascending. */
    public static Map<String, String> ids() {
        Map<String, String> m = new TreeMap<>();
        plugins().forEach((id, p) -> m.put(id, p.summary()));
        return m;
    }

    /** Opens data into memory, split for training and testing; {@link DataException} says what stands in the way. */
    public static DataPair open(String spec, DataOptions options) {
        return open(spec, options, Progress.NONE);
    }

    /** The same, telling how far it is. */
    public static DataPair open(String spec, DataOptions options, Progress progress) {
        Spec s = Spec.of(spec, options);
        DataSourcePlugin plugin = s.format() == null ? plugins().get(s.place()) : null;
        if (plugin != null) {
            return plugin.open(s.options(), progress);
        }
        Path path = find(s);
        String format = s.formatOf(path);
        if (format.equals("idx") || format.equals("images")) {
            return ImageFiles.open(path, format, s.options(), progress);
        }
        TextEncoder text = new TextEncoder(s.options(), progress);
        try (Table t = table(path, format, s.options())) {
            Tables.Loaded l = Tables.load(t, s.options(), text::get, progress);
            List<String> notes = new ArrayList<>(List.of(path.toString()));
            notes.addAll(l.notes());
            text.problem().ifPresent(notes::add);
            return new DataPair(
                    nameOf(path), String.join("; ", notes), l.train(), l.test(), Optional.of(l.preprocessing()));
        }
    }

    /**
     * Opens data to be read in pieces, without a test part, for files that may be larger than memory; a table's
     * preprocessing is fitted on all its rows. Data that are no table come from memory: their training part.
     */
    public static DataStream stream(String spec, DataOptions options, Progress progress) {
        return stream(spec, options, null, progress);
    }

    /**
     * The same with a preprocessing that was fitted before and travels with a model: its columns must be there, in any
     * order, and without the label column rows are unlabelled.
     */
    public static DataStream stream(String spec, DataOptions options, Preprocessing fitted, Progress progress) {
        Spec s = Spec.of(spec, options);
        DataSourcePlugin plugin = s.format() == null ? plugins().get(s.place()) : null;
        Path path = plugin == null ? find(s) : plugin.table(s.options()).orElse(null);
        String format = path == null ? null : s.formatOf(path);
        if (path == null || format.equals("idx") || format.equals("images")) {
            DataPair p = open(spec, options, progress);
            return new DataStream(p.name(), p.note(), p.train(), p.preprocessing());
        }
        TextEncoder text = new TextEncoder(s.options(), Progress.NONE);
        Table t = table(path, format, s.options());
        try {
            TableSource rows =
                    fitted == null ? Tables.stream(t, s.options(), text::get) : Tables.stream(t, fitted, text::get);
            return new DataStream(
                    nameOf(path),
                    path + String.format("; %,d rows, read in pieces", t.rows()),
                    rows,
                    Optional.of(rows.preprocessing()));
        } catch (RuntimeException e) {
            t.close();
            throw e;
        }
    }

    /**
     * Opens data into memory as a stream: all rows for training, in the order of the file, none for testing; {@code
     * options.rows()} takes the first ones. A table's preprocessing is fitted on all of them. Data that come in two parts
     * give their training part.
     */
    public static DataPair inOrder(String spec, DataOptions options, Progress progress) {
        Spec s = Spec.of(spec, options);
        long limit = s.options().rows();
        try (DataStream stream = stream(spec, options, progress)) {
            Dataset all;
            if (stream.rows() instanceof Dataset inMemory) {
                all = inMemory;
            } else {
                TableSource rows = (TableSource) stream.rows();
                long n = limit > 0 ? Math.min(limit, rows.size()) : rows.size();
                s.options()
                        .requireFits(stream.name(), n, 4L * rows.preprocessing().width());
                all = rows.first(n);
            }
            return new DataPair(stream.name(), stream.note(), all, all.subset(), stream.preprocessing());
        }
    }

    /**
     * The bytes of a text file, unpacked if its name ends in {@code .gz}; a path as it stands or below the data folder.
     *
     * @throws DataException if there is no such file, it cannot be read, or it is empty
     */
    public static byte[] text(String path, DataOptions options) {
        Path file = find(Spec.of(path, options));
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = path.endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            byte[] all = in.readAllBytes();
            if (all.length == 0) {
                throw DataException.at(path, "The text is empty.", "a text file", null);
            }
            return all;
        } catch (IOException e) {
            throw DataException.at(path, "The text cannot be read (" + e + ").", "a text file, plain or .gz", null, e);
        }
    }

    /** Rows to be read in pieces; closing it closes the file. */
    public record DataStream(String name, String note, DataSource rows, Optional<Preprocessing> preprocessing)
            implements AutoCloseable {
        @Override
        public void close() {
            if (rows instanceof TableSource t) {
                t.close();
            }
        }
    }

    private static Table table(Path path, String format, DataOptions o) {
        return switch (format) {
            case "csv" -> DuckTable.open(path, DuckTable.Format.CSV, o);
            case "parquet" -> DuckTable.open(path, DuckTable.Format.PARQUET, o);
            case "jsonl" -> DuckTable.open(path, DuckTable.Format.JSON_LINES, o);
            case "arff" -> ArffTable.open(path);
            default -> throw new IllegalStateException(format);
        };
    }

    /** The file or folder of a spec: as it stands, or below the data folder. */
    private static Path find(Spec s) {
        if (s.place().equals(STANDARD_INPUT)) {
            return standardInput();
        }
        Path asItStands = Path.of(s.place());
        if (Files.exists(asItStands)) {
            return asItStands;
        }
        Path dir = s.options().resolvedDataDir();
        if (dir != null && Files.exists(dir.resolve(s.place()))) {
            return dir.resolve(s.place());
        }
        List<String> near = new ArrayList<>();
        if (s.format() == null) {
            String id = Names.nearest(s.place(), plugins().keySet());
            if (id != null) {
                near.add(id);
            }
        }
        for (Path p : dir == null ? List.of(asItStands) : List.of(asItStands, dir.resolve(s.place()))) {
            neighbour(p).ifPresent(near::add);
        }
        throw DataException.at(
                s.place(),
                "There is no such file, folder or data set" + (dir == null ? "." : ", here or in " + dir + "."),
                "a path, or one of " + ids().keySet(),
                near.isEmpty() ? null : "Maybe " + String.join(" or ", near) + " was meant.");
    }

    /** A table is read more than once, so what comes in is kept in a file until the program ends. */
    private static Path standardInput() {
        try {
            Path kept = Files.createTempFile("standard-input-", ".csv");
            kept.toFile().deleteOnExit();
            Files.copy(System.in, kept, StandardCopyOption.REPLACE_EXISTING);
            return kept;
        } catch (IOException e) {
            throw DataException.at(
                    "standard input", "The rows cannot be kept (" + e + ").", "room in the temporary folder", null, e);
        }
    }

    private static Optional<String> neighbour(Path missing) {
        Path folder = missing.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> s = Files.list(folder)) {
            List<String> names = s.map(p -> p.getFileName().toString()).sorted().toList();
            return Optional.ofNullable(Names.nearest(missing.getFileName().toString(), names))
                    .map(n -> missing.resolveSibling(n).toString());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    static String nameOf(Path path) {
        String n = path.toAbsolutePath().normalize().getFileName().toString();
        int dot = n.indexOf('.');
        return dot > 0 ? n.substring(0, dot) : n;
    }

    private static Map<String, DataSourcePlugin> plugins() {
        Map<String, DataSourcePlugin> m = new TreeMap<>();
        for (DataSourcePlugin p : ServiceLoader.load(DataSourcePlugin.class)) {
            DataSourcePlugin twin = m.put(p.id(), p);
            if (twin != null) {
                throw new IllegalStateException("Two data sets are named '" + p.id() + "': "
                        + twin.getClass().getName() + " and " + p.getClass().getName()
                        + ".\nMaybe a jar is on the class path twice; or rename yours.");
            }
        }
        return m;
    }

    /** The sentence encoder behind its cache, made only if a text column asks for it. */
    private static final class TextEncoder {
        private final DataOptions options;
        private final Progress progress;
        private FeatureCache cache;

        TextEncoder(DataOptions options, Progress progress) {
            this.options = options;
            this.progress = progress;
        }

        FeatureExtractor get() {
            if (cache == null) {
                cache = new FeatureCache(
                        SentenceFeatures.get(), options.resolvedCacheDir().resolve("features"), Progress.NONE);
            }
            return cache;
        }

        Optional<String> problem() {
            return cache == null ? Optional.empty() : Optional.ofNullable(cache.problem());
        }
    }
}
