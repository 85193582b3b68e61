package dev.holdfast.data.table;

import dev.holdfast.data.DataException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * An ARFF file (gzip or not), dense or sparse rows, with numeric, nominal and string attributes. A relation whose name
 * ends in MEKA's {@code -C k} is a multi-label set: its first k attributes are the labels, the last |k| if k is negative;
 * {@code -split-number n} sets the first n rows apart for training. Opening walks the whole file once and refuses what
 * does not fit the header, by line.
 */
public final class ArffTable implements Table {
    private static final Pattern LABELS = Pattern.compile("-C\\s+(-?\\d+)");
    private static final Pattern SPLIT = Pattern.compile("-split-number\\s+(\\d+)");
    private static final int CELLS = 1 << 18;

    private enum Type {
        NUMERIC,
        NOMINAL,
        STRING
    }

    private record Attribute(String name, Type type, Map<String, String> domain, String first) {}

    private final Path file;
    private final List<Attribute> attributes;
    private final Map<String, Integer> index = new HashMap<>();
    private final List<String> labels;
    private final int trainingRows;
    private final List<Column> columns;
    private final long rows;

    /** Opens and checks a file. */
    public static ArffTable open(Path file) {
        return new ArffTable(file);
    }

    private ArffTable(Path file) {
        this.file = file;
        try (CsvScan lines = CsvScan.open(file, -1)) {
            List<Attribute> a = new ArrayList<>();
            String relation = header(lines, a);
            this.attributes = List.copyOf(a);
            for (int i = 0; i < a.size(); i++) {
                index.put(a.get(i).name, i);
            }
            this.labels = labels(relation);
            Matcher split = SPLIT.matcher(relation);
            int n = attributes.size();
            long[] present = new long[n];
            long[] numbers = new long[n];
            List<Set<String>> seen = IntStream.range(0, n)
                    .<Set<String>>mapToObj(i -> new HashSet<>())
                    .toList();
            long count = 0;
            String[] row = new String[n];
            while (row(lines, row)) {
                count++;
                for (int i = 0; i < n; i++) {
                    if (row[i] != null) {
                        present[i]++;
                        numbers[i] += attributes.get(i).type == Type.NUMERIC ? 1 : 0;
                        // beyond this many the exact number does not matter, only that there are many
                        if (attributes.get(i).type == Type.STRING && seen.get(i).size() < 5000) {
                            seen.get(i).add(row[i]);
                        }
                    }
                }
            }
            if (count == 0) {
                throw DataException.at(file, "There are no rows after @data.", "at least one row", null);
            }
            this.rows = count;
            long first = split.find() ? Long.parseLong(split.group(1)) : 0;
            this.trainingRows = first < count ? (int) first : 0;
            List<Column> c = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                Attribute at = attributes.get(i);
                c.add(new Column(
                        at.name,
                        present[i],
                        numbers[i],
                        at.type == Type.STRING ? seen.get(i).size() : Math.max(1, at.domain.size()),
                        at.type.name().toLowerCase(Locale.ROOT)));
            }
            this.columns = List.copyOf(c);
        }
    }

    private String header(CsvScan lines, List<Attribute> into) {
        String relation = "";
        Set<String> names = new HashSet<>();
        for (List<String> r; (r = lines.next()) != null; ) {
            String line = r.get(0).strip();
            String lower = line.toLowerCase(Locale.ROOT);
            if (line.isEmpty() || line.startsWith("%")) {
                continue;
            }
            if (lower.startsWith("@relation")) {
                relation = line.substring(9).strip();
            } else if (lower.startsWith("@attribute")) {
                Attribute a = attribute(line.substring(10).strip(), lines.line());
                if (!names.add(a.name)) {
                    throw DataException.at(
                            file + ", line " + lines.line(),
                            "A second attribute is named '" + a.name + "'.",
                            "distinct names",
                            "Rename one of them.");
                }
                into.add(a);
            } else if (lower.startsWith("@data")) {
                if (into.isEmpty()) {
                    throw DataException.at(
                            file + ", line " + lines.line(), "@data comes before any @attribute.", "attributes", null);
                }
                return relation;
            } else {
                throw DataException.at(
                        file + ", line " + lines.line(),
                        "The header has the line '" + line + "'.",
                        "@relation, @attribute, @data or a comment",
                        "Maybe this is no ARFF file.");
            }
        }
        throw DataException.at(file, "The file ends before @data.", "an ARFF file with rows", null);
    }

    private Attribute attribute(String text, long line) {
        List<String> name = new ArrayList<>();
        int end = token(text, 0, name, " \t{", line);
        String type = text.substring(end).strip();
        String lower = type.toLowerCase(Locale.ROOT);
        if (type.startsWith("{") && type.endsWith("}")) {
            Map<String, String> domain = new HashMap<>();
            List<String> values = values(type.substring(1, type.length() - 1), line);
            values.forEach(v -> domain.put(v, v));
            if (values.isEmpty()) {
                throw DataException.at(
                        file + ", line " + line, "The nominal attribute has no values.", "at least one", null);
            }
            return new Attribute(name.get(0), Type.NOMINAL, domain, values.get(0));
        }
        if (lower.equals("numeric") || lower.equals("real") || lower.equals("integer")) {
            return new Attribute(name.get(0), Type.NUMERIC, Map.of(), "0");
        }
        if (lower.equals("string")) {
            return new Attribute(name.get(0), Type.STRING, Map.of(), "");
        }
        throw DataException.at(
                file + ", line " + line,
                "The attribute '" + name.get(0) + "' has the type '" + type + "'.",
                "numeric, real, integer, string or {a, b, ...}",
                null);
    }

    private List<String> labels(String relation) {
        Matcher m = LABELS.matcher(relation);
        if (!m.find()) {
            return List.of();
        }
        int k = Integer.parseInt(m.group(1));
        int n = attributes.size();
        if (k == 0 || Math.abs(k) >= n) {
            throw DataException.at(
                    file,
                    "The relation says -C " + k + " but there are " + n + " attributes.",
                    "1 to " + (n - 1) + " labels",
                    null);
        }
        return attributes.subList(k > 0 ? 0 : n + k, k > 0 ? k : n).stream()
                .map(Attribute::name)
                .toList();
    }

    /** Reads the next row, missing values as null; false at the end. */
    private boolean row(CsvScan lines, String[] row) {
        for (List<String> r; (r = lines.next()) != null; ) {
            String line = r.get(0).strip();
            if (line.isEmpty() || line.startsWith("%")) {
                continue;
            }
            if (line.startsWith("{")) {
                sparse(line, row, lines.line());
            } else {
                dense(line, row, lines.line());
            }
            return true;
        }
        return false;
    }

    private void dense(String line, String[] row, long number) {
        List<String> v = values(line, number);
        if (v.size() != row.length) {
            throw DataException.at(
                    file + ", line " + number,
                    "The row has " + v.size() + " values.",
                    row.length + ", one an attribute",
                    "Maybe a value that contains a comma lacks its quotes.");
        }
        for (int i = 0; i < row.length; i++) {
            row[i] = checked(v.get(i), i, number);
        }
    }

    private void sparse(String line, String[] row, long number) {
        if (!line.endsWith("}")) {
            throw DataException.at(file + ", line " + number, "The sparse row has no end.", "a closing }", null);
        }
        for (int i = 0; i < row.length; i++) {
            row[i] = attributes.get(i).first;
        }
        String body = line.substring(1, line.length() - 1).strip();
        int at = 0;
        int last = -1;
        while (at < body.length()) {
            int space = at;
            while (space < body.length() && !Character.isWhitespace(body.charAt(space))) {
                space++;
            }
            String place = body.substring(at, space);
            int i;
            try {
                i = Integer.parseInt(place);
            } catch (NumberFormatException e) {
                i = -1;
            }
            if (i <= last || i >= row.length || space == body.length()) {
                throw DataException.at(
                        file + ", line " + number,
                        "The sparse row has the entry '" + body.substring(at, Math.min(body.length(), at + 30)) + "'.",
                        "index and value, indices ascending from 0 to " + (row.length - 1),
                        null);
            }
            last = i;
            List<String> value = new ArrayList<>();
            int from = space;
            while (Character.isWhitespace(body.charAt(from)) && from < body.length() - 1) {
                from++;
            }
            at = token(body, from, value, ",", number);
            row[i] = checked(value.get(0), i, number);
            if (at < body.length() && body.charAt(at) == ',') {
                at++;
            }
            while (at < body.length() && Character.isWhitespace(body.charAt(at))) {
                at++;
            }
        }
    }

    /** The value as it is kept: null for "?", a nominal one as the domain's own text; anything unfit is refused. */
    private String checked(String v, int i, long line) {
        Attribute a = attributes.get(i);
        if (v.equals("?")) {
            return null;
        }
        if (a.type == Type.NOMINAL) {
            String known = a.domain.get(v);
            if (known == null) {
                throw DataException.at(
                        file + ", line " + line + ", column '" + a.name + "'",
                        "The value is '" + v + "'.",
                        "one of "
                                + Preprocessing.shortened(
                                        a.domain.keySet().stream().sorted().toList()),
                        null);
            }
            return known;
        }
        if (a.type == Type.NUMERIC) {
            try {
                if (Double.isFinite(Double.parseDouble(v))) {
                    return v;
                }
            } catch (NumberFormatException e) {
                // refused below, like infinity
            }
            throw DataException.at(
                    file + ", line " + line + ", column '" + a.name + "'",
                    "The value is '" + v + "'.",
                    "a finite number, or ? for a missing one",
                    null);
        }
        return v;
    }

    private List<String> values(String text, long line) {
        List<String> v = new ArrayList<>();
        int at = 0;
        do {
            at = token(text, at, v, ",", line) + 1;
        } while (at <= text.length());
        return v;
    }

    /** Adds the value that starts at {@code from}, quotes and backslashes undone; returns where it ended. */
    private int token(String text, int from, List<String> into, String ends, long line) {
        int at = from;
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
        StringBuilder b = new StringBuilder();
        char quote = at < text.length() && (text.charAt(at) == '\'' || text.charAt(at) == '"') ? text.charAt(at) : 0;
        if (quote == 0) {
            while (at < text.length() && ends.indexOf(text.charAt(at)) < 0) {
                b.append(text.charAt(at++));
            }
            into.add(b.toString().strip());
            return at;
        }
        for (at++; at < text.length() && text.charAt(at) != quote; at++) {
            if (text.charAt(at) == '\\' && at + 1 < text.length()) {
                at++;
            }
            b.append(text.charAt(at));
        }
        if (at >= text.length()) {
            throw DataException.at(file + ", line " + line, "A quoted value never ends.", "a closing " + quote, null);
        }
        at++;
        while (at < text.length() && Character.isWhitespace(text.charAt(at)) && ends.indexOf(text.charAt(at)) < 0) {
            at++;
        }
        // a quoted question mark is a value, not a missing one
        into.add(b.toString().equals("?") ? "\\?" : b.toString());
        return at;
    }

    @Override
    public String name() {
        return file.toString();
    }

    @Override
    public List<Column> columns() {
        return columns;
    }

    @Override
    public List<String> labels() {
        return labels;
    }

    @Override
    public int trainingRows() {
        return trainingRows;
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public String where(long row, String column) {
        try (CsvScan lines = CsvScan.open(file, -1)) {
            header(lines, new ArrayList<>());
            String[] values = new String[attributes.size()];
            for (long r = 0; r <= row && row(lines, values); r++) {
                // walks to the row; the scan then stands on its line
            }
            return file + ", line " + lines.line() + (column == null ? "" : ", column '" + column + "'");
        }
    }

    @Override
    public Cursor read(List<Ask> asks, long fromRow) {
        return new Rows(asks, fromRow);
    }

    @Override
    public void close() {}

    private final class Rows implements Cursor {
        private final CsvScan lines = CsvScan.open(file, -1);
        private final List<Ask> asks;
        private final int[] at;
        private final int most;
        private final String[] row = new String[attributes.size()];
        private long next;

        Rows(List<Ask> asks, long fromRow) {
            this.asks = asks;
            this.at = asks.stream()
                    .mapToInt(a -> {
                        Integer i = index.get(a.column());
                        if (i == null) {
                            throw DuckTable.absent(ArffTable.this, a.column(), "column");
                        }
                        return i;
                    })
                    .toArray();
            this.most = Math.max(64, Math.min(8192, CELLS / Math.max(1, asks.size())));
            header(lines, new ArrayList<>());
            while (next < fromRow && row(lines, row)) {
                next++;
            }
        }

        @Override
        public Cells next() {
            Object[] c = new Object[at.length];
            for (int k = 0; k < c.length; k++) {
                c[k] = asks.get(k).asNumbers() ? new double[most] : new String[most];
            }
            int n = 0;
            while (n < most && row(lines, row)) {
                for (int k = 0; k < c.length; k++) {
                    String v = row[at[k]];
                    if (c[k] instanceof double[] d) {
                        d[n] = v == null || attributes.get(at[k]).type != Type.NUMERIC
                                ? Double.NaN
                                : Double.parseDouble(v);
                    } else {
                        ((String[]) c[k])[n] = v;
                    }
                }
                n++;
            }
            if (n == 0) {
                return null;
            }
            for (int k = 0; k < c.length; k++) {
                c[k] = c[k] instanceof double[] d ? Arrays.copyOf(d, n) : Arrays.copyOf((String[]) c[k], n);
            }
            Cells cells = new Cells(next, n, asks.stream().map(Ask::column).toList(), c);
            next += n;
            return cells;
        }

        @Override
        public void close() {
            lines.close();
        }
    }
}
