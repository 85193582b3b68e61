package dev.holdfast.data.tree;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.table.Cells;
import dev.holdfast.data.table.DuckTable;
import dev.holdfast.data.table.Table;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Where label trees come from: a text file, label columns of a table, or Holdfast's own. Pure functions; safe from any
 * thread.
 *
 * <p>A text file has one class a line, {@code child,parent}: the name of a class and, after the last comma, that of its
 * parent. A class at the top has nothing after the comma, or no line at all. Empty lines and lines that begin with
 * {@code #} are skipped; blanks around names do not count.
 */
public final class LabelTrees {
    private static final String FOLDER = "/dev/holdfast/data/tree/";
    private static final List<String> SHIPPED = List.of("fashion", "fashion-mnist-digits", "wordnet-lexname");

    private LabelTrees() {}

    /** Names of the trees that come with Holdfast. */
    public static List<String> shipped() {
        return SHIPPED;
    }

    /** A tree that comes with Holdfast. */
    public static Taxonomy shipped(String name) {
        if (!SHIPPED.contains(name)) {
            throw new IllegalArgumentException(
                    "There is no label tree named '" + name + "'; there are " + SHIPPED + ", or a file.");
        }
        try (InputStream in = LabelTrees.class.getResourceAsStream(FOLDER + name + ".csv")) {
            return parse(name, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The first shipped tree that has all these classes below others, if any. */
    public static Optional<Taxonomy> shippedFor(ClassIndex classes) {
        Set<String> names =
                classes.columns().stream().map(ClassIndex.Column::name).collect(Collectors.toSet());
        return SHIPPED.stream()
                .map(LabelTrees::shipped)
                .filter(t -> t.knows(names) && names.stream().allMatch(n -> t.parent(t.idOf(n)) >= 0))
                .findFirst();
    }

    /**
     * The tree that a text names: a shipped one, a file {@code child,parent}, or a table with its label columns from
     * coarse to fine, {@code rows.csv?levels=kind,family,species}.
     */
    public static Taxonomy open(String text) {
        if (SHIPPED.contains(text)) {
            return shipped(text);
        }
        int query = text.lastIndexOf("?levels=");
        if (query >= 0) {
            return ofColumns(
                    Path.of(text.substring(0, query)),
                    List.of(text.substring(query + "?levels=".length()).split(",")));
        }
        return read(Path.of(text));
    }

    /** A tree from a file with one {@code child,parent} a line. */
    public static Taxonomy read(Path file) {
        try {
            return parse(file.toString(), Files.readString(file));
        } catch (IOException e) {
            throw DataException.at(
                    file,
                    "The label tree cannot be read (" + e.getClass().getSimpleName() + ").",
                    "a file with one child,parent a line, or one of " + SHIPPED,
                    null,
                    e);
        }
    }

    /** The same from its text; {@code name} is for messages. */
    public static Taxonomy parse(String name, String text) {
        Map<String, String> parentOf = new LinkedHashMap<>();
        List<String> lines = text.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String where = name + ", line " + (i + 1);
            int comma = line.lastIndexOf(',');
            String child = comma < 0 ? line : line.substring(0, comma).strip();
            if (comma < 0 || child.isEmpty()) {
                throw DataException.at(
                        where,
                        "'" + line + "' is no pair of a class and its parent.",
                        "child,parent, with nothing after the comma at the top",
                        null);
            }
            try {
                Taxonomy.join(parentOf, child, line.substring(comma + 1).strip(), "line " + (i + 1));
            } catch (IllegalArgumentException e) {
                throw DataException.at(where, e.getMessage(), "a tree", null, e);
            }
        }
        try {
            return Taxonomy.of(parentOf);
        } catch (IllegalArgumentException e) {
            throw DataException.at(name, e.getMessage(), "a tree", null, e);
        }
    }

    /**
     * A tree from the label columns of a CSV, Parquet or JSON-lines table.
     *
     * @param columns from coarse to fine, at least two
     */
    public static Taxonomy ofColumns(Path file, List<String> columns) {
        if (columns.size() < 2) {
            throw new IllegalArgumentException(
                    "A label tree needs at least two label columns, coarse to fine, but got " + columns + ".");
        }
        String lower = file.toString().toLowerCase(Locale.ROOT);
        DuckTable.Format format = lower.endsWith(".parquet")
                ? DuckTable.Format.PARQUET
                : lower.contains(".json") ? DuckTable.Format.JSON_LINES : DuckTable.Format.CSV;
        try (Table t = DuckTable.open(file, format, DataOptions.defaults())) {
            for (String c : columns) {
                if (t.column(c) == null) {
                    throw DataException.at(
                            t.name(),
                            "There is no column '" + c + "'.",
                            "columns of labels among "
                                    + t.columns().stream()
                                            .map(Table.Column::name)
                                            .toList(),
                            null);
                }
            }
            Set<List<String>> ways = new LinkedHashSet<>();
            List<Table.Ask> asks =
                    columns.stream().map(c -> new Table.Ask(c, false)).toList();
            try (Table.Cursor cursor = t.read(asks, 0)) {
                for (Cells c = cursor.next(); c != null; c = cursor.next()) {
                    Cells piece = c;
                    String[][] texts = columns.stream().map(piece::texts).toArray(String[][]::new);
                    for (int i = 0; i < c.size(); i++) {
                        int row = i;
                        ways.add(Arrays.stream(texts)
                                .map(column -> Objects.toString(column[row], ""))
                                .toList());
                    }
                }
            }
            return Taxonomy.ofRows(ways);
        } catch (IllegalArgumentException e) {
            throw DataException.at(file, e.getMessage(), "a tree in the columns " + columns, null, e);
        }
    }
}
