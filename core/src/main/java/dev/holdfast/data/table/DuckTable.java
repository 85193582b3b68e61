package dev.holdfast.data.table;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Names;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.duckdb.DuckDBConnection;

/**
 * A CSV (gzip or not), Parquet or JSON-lines file read through DuckDB inside the process, in pieces, so that it may be
 * larger than memory. Nothing is guessed from a part of the file: opening walks the whole of it once, and what cannot be
 * read is refused there and then.
 */
public final class DuckTable implements Table {
    /** Texts that stand for a missing value in CSV. */
    public static final List<String> MISSING = List.of("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?");

    /** What a file is. */
    public enum Format {
        CSV,
        PARQUET,
        JSON_LINES
    }

    /** Cells of one piece; with its copies a piece stays within some megabytes. */
    private static final int CELLS = 1 << 18;

    private final Path file;
    private final Format format;
    private final char separator;
    private final boolean header;
    private final String source;
    private final List<String> sqlNames;
    private final List<Column> columns;
    private final long rows;
    private final Connection streaming;

    private DuckTable(
            Path file,
            Format format,
            char separator,
            boolean header,
            String source,
            List<String> sqlNames,
            List<Column> columns,
            long rows,
            Connection streaming) {
        this.file = file;
        this.format = format;
        this.separator = separator;
        this.header = header;
        this.source = source;
        this.sqlNames = sqlNames;
        this.columns = columns;
        this.rows = rows;
        this.streaming = streaming;
    }

    /** Opens and checks a file; {@code options} give separator and header of a CSV file. */
    public static DuckTable open(Path file, Format format, DataOptions options) {
        if (!Files.isReadable(file) || Files.isDirectory(file)) {
            throw DataException.at(
                    file,
                    Files.isDirectory(file) ? "This is a folder." : "The file cannot be read.",
                    "a readable file",
                    null);
        }
        char separator = ',';
        List<String> names = null;
        List<String> sql;
        String source;
        if (format == Format.CSV) {
            separator = options.separator() != null ? options.separator().charAt(0) : CsvScan.separator(file);
            names = options.header()
                    ? CsvScan.header(file, separator)
                    : IntStream.rangeClosed(1, CsvScan.width(file, separator))
                            .mapToObj(i -> "c" + i)
                            .toList();
            // names of our own: DuckDB's do not tell 'a' from 'A'
            sql = IntStream.range(0, names.size())
                    .mapToObj(i -> "\"c" + i + "\"")
                    .toList();
            source = csv(file, separator, options.header(), names.size());
        } else {
            source = format == Format.PARQUET
                    ? "read_parquet(" + literal(file.toString()) + ")"
                    : "read_json(" + literal(file.toString())
                            + ", format='newline_delimited', sample_size=-1, maximum_object_size=67108864)";
            sql = null;
        }
        Connection exact = null;
        Connection streaming = null;
        try {
            exact = connect(false);
            streaming = connect(true);
            List<String> types;
            if (names == null) {
                names = new ArrayList<>();
                types = new ArrayList<>();
                try (Statement s = exact.createStatement();
                        ResultSet r = s.executeQuery("DESCRIBE SELECT * FROM " + source)) {
                    while (r.next()) {
                        names.add(r.getString(1));
                        types.add(r.getString(2));
                    }
                }
                sql = names.stream().map(DuckTable::quoted).toList();
            } else {
                types = names.stream().map(n -> "text").toList();
            }
            List<Column> columns = new ArrayList<>();
            long rows = profile(exact, source, names, sql, types, columns);
            if (rows == 0) {
                throw DataException.at(
                        file, "There are no rows, only the columns " + names + ".", "at least one row", null);
            }
            DuckTable t = new DuckTable(
                    file, format, separator, options.header(), source, sql, List.copyOf(columns), rows, streaming);
            streaming = null;
            return t;
        } catch (SQLException e) {
            throw explain(file, format, separator, names == null ? 0 : names.size(), e);
        } finally {
            shut(exact);
            shut(streaming);
        }
    }

    private static String csv(Path file, char separator, boolean header, int width) {
        return "read_csv(" + literal(file.toString())
                + ", auto_detect=false, strict_mode=true, null_padding=false, ignore_errors=false, quote='\"', escape='\"'"
                + ", max_line_size=67108864, delim=" + literal(String.valueOf(separator))
                + ", header=" + header
                + ", compression=" + (CsvScan.gzip(file) ? "'gzip'" : "'none'")
                + ", nullstr=" + MISSING.stream().map(DuckTable::literal).collect(Collectors.joining(",", "[", "]"))
                + ", columns="
                + IntStream.range(0, width)
                        .mapToObj(i -> "'c" + i + "':'VARCHAR'")
                        .collect(Collectors.joining(",", "{", "}"))
                + ")";
    }

    private static Connection connect(boolean streaming) throws SQLException {
        Properties p = new Properties();
        p.setProperty("jdbc_stream_results", Boolean.toString(streaming));
        Connection c = DriverManager.getConnection("jdbc:duckdb:", p);
        try (Statement s = c.createStatement()) {
            s.execute("SET preserve_insertion_order=true");
            s.execute("SET enable_progress_bar=false");
        }
        return c;
    }

    /** One walk through the file: rows, and of each column the values present, the numbers, and the distinct ones. */
    private static long profile(
            Connection c, String source, List<String> names, List<String> sql, List<String> types, List<Column> into)
            throws SQLException {
        StringBuilder q = new StringBuilder("SELECT count(*)");
        for (int i = 0; i < names.size(); i++) {
            String v = nested(types.get(i)) ? "NULL" : sql.get(i);
            // NaN in a column of numbers is a missing value
            String present = types.get(i).equals("DOUBLE") || types.get(i).equals("FLOAT")
                    ? "CASE WHEN isnan(" + sql.get(i) + ") THEN NULL ELSE 1 END"
                    : sql.get(i);
            q.append(", count(")
                    .append(present)
                    .append("), count(*) FILTER (WHERE isfinite(")
                    .append(number(v, types.get(i)))
                    .append(")), approx_count_distinct(")
                    .append(v)
                    .append(")");
        }
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery(q + " FROM " + source)) {
            r.next();
            for (int i = 0; i < names.size(); i++) {
                into.add(new Column(
                        names.get(i), r.getLong(3 * i + 2), r.getLong(3 * i + 3), r.getLong(3 * i + 4), types.get(i)));
            }
            return r.getLong(1);
        }
    }

    private static boolean nested(String type) {
        return type.contains("[") || type.startsWith("STRUCT") || type.startsWith("MAP") || type.equals("BLOB");
    }

    private static String number(String sql, String type) {
        return switch (type) {
            case "BOOLEAN", "DATE", "TIME", "UUID" -> "CAST(NULL AS DOUBLE)";
            case "JSON" -> "TRY_CAST(json_extract_string(" + sql + ", '$') AS DOUBLE)";
            default ->
                type.startsWith("TIMESTAMP") || type.startsWith("INTERVAL")
                        ? "CAST(NULL AS DOUBLE)"
                        : "TRY_CAST(" + sql + " AS DOUBLE)";
        };
    }

    private static String text(String sql, String type) {
        return type.equals("JSON") ? "json_extract_string(" + sql + ", '$')" : "CAST(" + sql + " AS VARCHAR)";
    }

    private static DataException explain(Path file, Format format, char separator, int width, SQLException e) {
        if (format == Format.CSV) {
            CsvScan.diagnose(file, separator, width);
        } else if (format == Format.JSON_LINES) {
            JsonScan.diagnose(file);
        }
        String what = e.getMessage().lines().findFirst().orElse("").strip();
        return DataException.at(
                file,
                "The file cannot be read as " + format + ": " + what,
                switch (format) {
                    case CSV -> "comma-separated values in UTF-8 with quotes as in RFC 4180";
                    case PARQUET -> "a Parquet file";
                    case JSON_LINES -> "one JSON object a line, in UTF-8";
                },
                null,
                e);
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
    public long rows() {
        return rows;
    }

    @Override
    public String where(long row, String column) {
        String place =
                switch (format) {
                    case CSV -> ", line " + CsvScan.lineOf(file, separator, header, row);
                    case JSON_LINES -> ", line " + (row + 1);
                    case PARQUET -> ", row " + row;
                };
        return file + place + (column == null ? "" : ", column '" + column + "'");
    }

    @Override
    public Cursor read(List<Ask> asks, long fromRow) {
        List<String> parts = new ArrayList<>();
        for (Ask a : asks) {
            int i = IntStream.range(0, columns.size())
                    .filter(k -> columns.get(k).name().equals(a.column()))
                    .findFirst()
                    .orElseThrow(() -> absent(this, a.column(), "column"));
            String type = columns.get(i).type();
            parts.add(a.asNumbers() ? number(sqlNames.get(i), type) : text(sqlNames.get(i), type));
        }
        String q = "SELECT " + String.join(", ", parts) + " FROM " + source
                + (fromRow > 0 ? " LIMIT " + (rows - fromRow) + " OFFSET " + fromRow : "");
        Connection own = null;
        try {
            // a connection streams one result at a time, so every cursor has its own
            own = ((DuckDBConnection) streaming).duplicate();
            Statement s = own.createStatement();
            Rows r = new Rows(own, s, s.executeQuery(q), asks, fromRow);
            own = null;
            return r;
        } catch (SQLException e) {
            throw explain(file, format, separator, columns.size(), e);
        } finally {
            shut(own);
        }
    }

    /** The error for a column that is not there: lists the columns and names the nearest. */
    static DataException absent(Table t, String column, String what) {
        List<String> names = t.columns().stream().map(Column::name).toList();
        String near = Names.nearest(column, names);
        return DataException.at(
                t.name(),
                "There is no " + what + " '" + column + "'.",
                "one of " + Preprocessing.shortened(names),
                near == null ? null : "Maybe '" + near + "' was meant.");
    }

    private static String quoted(String name) {
        return '"' + name.replace("\"", "\"\"") + '"';
    }

    private static String literal(String s) {
        return "'" + s.replace("'", "''") + "'";
    }

    @Override
    public void close() {
        shut(streaming);
    }

    private static void shut(Connection c) {
        try {
            if (c != null) {
                c.close();
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private final class Rows implements Cursor {
        private final Connection own;
        private final Statement statement;
        private final ResultSet result;
        private final List<Ask> asks;
        private final int most;
        private long at;

        Rows(Connection own, Statement statement, ResultSet result, List<Ask> asks, long at) {
            this.own = own;
            this.statement = statement;
            this.result = result;
            this.asks = asks;
            this.at = at;
            this.most = Math.max(64, Math.min(8192, CELLS / Math.max(1, asks.size())));
        }

        @Override
        public Cells next() {
            Object[] c = new Object[asks.size()];
            for (int k = 0; k < c.length; k++) {
                c[k] = asks.get(k).asNumbers() ? new double[most] : new String[most];
            }
            int n = 0;
            try {
                while (n < most && result.next()) {
                    for (int k = 0; k < c.length; k++) {
                        if (c[k] instanceof double[] d) {
                            double v = result.getDouble(k + 1);
                            d[n] = result.wasNull() ? Double.NaN : v;
                        } else {
                            ((String[]) c[k])[n] = result.getString(k + 1);
                        }
                    }
                    n++;
                }
            } catch (SQLException e) {
                throw explain(file, format, separator, columns.size(), e);
            }
            if (n == 0) {
                return null;
            }
            Cells all = new Cells(at, n, asks.stream().map(Ask::column).toList(), c);
            at += n;
            return n == most ? all : all.rows(IntStream.range(0, n).toArray());
        }

        @Override
        public void close() {
            try {
                result.close();
                statement.close();
                own.close();
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
