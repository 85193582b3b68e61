package dev.holdfast.data.source;

import dev.holdfast.data.DataException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * How data are found and read. The defaults fit most files; a table needs {@code label} at least.
 *
 * @param dataDir folder of full data sets; null = the environment variable HOLDFAST_DATA, or none
 * @param cacheDir folder of cached text features; null = {@code holdfast} below the user's cache folder
 * @param labels column of the classes of a table; several columns of 0 and 1 make label sets; {@code *} in a name stands
 *     for any text
 * @param text columns to be read as text by the sentence encoder; if there are any, they are the only features
 * @param ignore columns of a table that are left out
 * @param categories columns of a table that are categories even where they look like numbers (postal codes)
 * @param testShare share of the rows kept for testing where the data are not split already, in (0, 1)
 * @param seed seed of the split and of sampling
 * @param standardise numeric columns of a table get mean 0 and deviation 1 on the training rows
 * @param encoding how the categories of a table become numbers
 * @param missingIndicators a column with missing values gets a second one that says where they were
 * @param rows take about this many rows, classes in their shares; 0 = all
 * @param separator separator of a CSV file; null = found in the first line
 * @param header false: a CSV file has no line of names; columns are named c1, c2, ...
 * @param maxBytes native memory that the rows may take; 0 = half of the machine's
 */
public record DataOptions(
        Path dataDir,
        Path cacheDir,
        List<String> labels,
        List<String> text,
        List<String> ignore,
        List<String> categories,
        double testShare,
        long seed,
        boolean standardise,
        Encoding encoding,
        boolean missingIndicators,
        long rows,
        String separator,
        boolean header,
        long maxBytes) {

    /** How a category becomes numbers: a column each (two categories share one), or its number in sorted order. */
    public enum Encoding {
        ONE_HOT,
        ORDINAL
    }

    public DataOptions {
        labels = List.copyOf(labels);
        text = List.copyOf(text);
        ignore = List.copyOf(ignore);
        categories = List.copyOf(categories);
        if (!(testShare > 0 && testShare < 1)) {
            throw new IllegalArgumentException("testShare must lie between 0 and 1 but is " + testShare + ".");
        }
        if (rows < 0 || maxBytes < 0) {
            throw new IllegalArgumentException(
                    "rows and maxBytes must be >= 0 but are " + rows + " and " + maxBytes + ".");
        }
        if (separator != null && separator.length() != 1) {
            throw new IllegalArgumentException(
                    "separator must be a single character but is '" + separator + "' (" + separator.length() + ").");
        }
        for (String label : labels) {
            if (text.contains(label) || ignore.contains(label)) {
                throw new IllegalArgumentException("Column '" + label + "' cannot be the label and text or ignored.");
            }
        }
        for (String t : text) {
            if (ignore.contains(t)) {
                throw new IllegalArgumentException("Column '" + t + "' cannot be text and ignored at once.");
            }
        }
    }

    /** A fifth of the rows for testing, seed 0, standardised, one-hot. */
    public static DataOptions defaults() {
        return new DataOptions(
                null,
                null,
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                0.2,
                0,
                true,
                Encoding.ONE_HOT,
                false,
                0,
                null,
                true,
                0);
    }

    public DataOptions withDataDir(Path v) {
        return with(d -> d.dataDir = v);
    }

    public DataOptions withCacheDir(Path v) {
        return with(d -> d.cacheDir = v);
    }

    /** One column of classes; null = found by its name. */
    public DataOptions withLabel(String v) {
        return with(d -> d.labels = v == null ? List.of() : List.of(v));
    }

    /** Several columns of 0 and 1; one is a column of classes, none = found by its name. */
    public DataOptions withLabels(String... v) {
        return with(d -> d.labels = List.of(v));
    }

    public DataOptions withText(String... v) {
        return with(d -> d.text = List.of(v));
    }

    public DataOptions withIgnore(String... v) {
        return with(d -> d.ignore = List.of(v));
    }

    public DataOptions withCategories(String... v) {
        return with(d -> d.categories = List.of(v));
    }

    public DataOptions withTestShare(double v) {
        return with(d -> d.testShare = v);
    }

    public DataOptions withSeed(long v) {
        return with(d -> d.seed = v);
    }

    public DataOptions withStandardise(boolean v) {
        return with(d -> d.standardise = v);
    }

    public DataOptions withEncoding(Encoding v) {
        return with(d -> d.encoding = v);
    }

    public DataOptions withMissingIndicators(boolean v) {
        return with(d -> d.missingIndicators = v);
    }

    public DataOptions withRows(long v) {
        return with(d -> d.rows = v);
    }

    public DataOptions withSeparator(String v) {
        return with(d -> d.separator = v);
    }

    public DataOptions withHeader(boolean v) {
        return with(d -> d.header = v);
    }

    public DataOptions withMaxBytes(long v) {
        return with(d -> d.maxBytes = v);
    }

    private DataOptions with(Consumer<Draft> change) {
        Draft d = new Draft(this);
        change.accept(d);
        return d.done();
    }

    /** A copy with one component open. */
    private static final class Draft {
        private Path dataDir;
        private Path cacheDir;
        private List<String> labels;
        private List<String> text;
        private List<String> ignore;
        private List<String> categories;
        private double testShare;
        private long seed;
        private boolean standardise;
        private Encoding encoding;
        private boolean missingIndicators;
        private long rows;
        private String separator;
        private boolean header;
        private long maxBytes;

        Draft(DataOptions o) {
            dataDir = o.dataDir;
            cacheDir = o.cacheDir;
            labels = o.labels;
            text = o.text;
            ignore = o.ignore;
            categories = o.categories;
            testShare = o.testShare;
            seed = o.seed;
            standardise = o.standardise;
            encoding = o.encoding;
            missingIndicators = o.missingIndicators;
            rows = o.rows;
            separator = o.separator;
            header = o.header;
            maxBytes = o.maxBytes;
        }

        DataOptions done() {
            return new DataOptions(
                    dataDir,
                    cacheDir,
                    labels,
                    text,
                    ignore,
                    categories,
                    testShare,
                    seed,
                    standardise,
                    encoding,
                    missingIndicators,
                    rows,
                    separator,
                    header,
                    maxBytes);
        }
    }

    /** The data folder in force, or null. */
    public Path resolvedDataDir() {
        String env = System.getenv("HOLDFAST_DATA");
        return dataDir != null ? dataDir : env == null || env.isBlank() ? null : Path.of(env);
    }

    /** The cache folder in force. */
    public Path resolvedCacheDir() {
        if (cacheDir != null) {
            return cacheDir;
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg == null || xdg.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
        return base.resolve("holdfast");
    }

    /** Refuses rows that would take more native memory than allowed, before any of it is taken. */
    public void requireFits(Object where, long rowCount, long bytesPerRow) {
        long limit = maxBytes > 0 ? maxBytes : physicalMemory() / 2;
        long bytes = Math.multiplyExact(rowCount, bytesPerRow);
        if (bytes > limit) {
            throw DataException.at(
                    where,
                    String.format(
                            "%,d rows of %,d bytes take %,d bytes of memory, but %,d are allowed.",
                            rowCount, bytesPerRow, bytes, limit),
                    "a set that fits into memory",
                    "Take part of the rows (rows=" + Math.max(1, limit / Math.max(1, bytesPerRow) / 2)
                            + "), leave columns out, or learn from it as a stream, which reads it in pieces.");
        }
    }

    private static long physicalMemory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean m
                ? m.getTotalMemorySize()
                : 4L << 30;
    }
}
