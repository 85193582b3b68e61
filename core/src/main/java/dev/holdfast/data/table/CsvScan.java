package dev.holdfast.data.table;

import dev.holdfast.data.DataException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * A plain walk through a CSV file record by record that knows its lines: reads the header, and finds the place of what
 * the fast reader stumbled over (RFC 4180: quotes doubled inside quotes, newlines allowed there; empty lines are
 * skipped). One thread.
 */
final class CsvScan implements AutoCloseable {
    private final Path file;
    private final InputStream in;
    private final int separator;
    private long line = 1;
    private long recordLine;
    private long recordStart;
    private int ahead = -2;

    private CsvScan(Path file, InputStream in, int separator) {
        this.file = file;
        this.in = in;
        this.separator = separator;
    }

    static CsvScan open(Path file, int separator) {
        try {
            return new CsvScan(file, new BufferedInputStream(plain(file), 1 << 16), separator);
        } catch (IOException e) {
            throw unreadable(file, 1, e);
        }
    }

    /** The bytes of a file, unpacked if it is gzip, without a byte order mark. */
    static InputStream plain(Path file) throws IOException {
        InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
        try {
            raw.mark(2);
            boolean gzip = raw.read() == 0x1f && raw.read() == 0x8b;
            raw.reset();
            InputStream in = new BufferedInputStream(gzip ? new GZIPInputStream(raw, 1 << 16) : raw, 1 << 16);
            in.mark(3);
            if (!(in.read() == 0xEF && in.read() == 0xBB && in.read() == 0xBF)) {
                in.reset();
            }
            return in;
        } catch (IOException e) {
            raw.close();
            throw e;
        }
    }

    static boolean gzip(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return in.read() == 0x1f && in.read() == 0x8b;
        } catch (IOException e) {
            throw unreadable(file, 1, e);
        }
    }

    /** The separator that the first line has most of, among comma, semicolon, tab and bar; comma if it has none. */
    static char separator(Path file) {
        try (CsvScan s = open(file, -1)) {
            List<String> first = s.next();
            String header = first == null ? "" : String.join("", first).replaceAll("\"[^\"]*\"", "");
            char best = ',';
            long most = 0;
            for (char c : new char[] {',', ';', '\t', '|'}) {
                long n = header.chars().filter(k -> k == c).count();
                if (n > most) {
                    best = c;
                    most = n;
                }
            }
            return best;
        }
    }

    /** Names of the first line; empty and doubled names are refused, a line of numbers is taken for a missing header. */
    static List<String> header(Path file, char separator) {
        try (CsvScan s = open(file, separator)) {
            List<String> names = s.next();
            if (names == null) {
                throw DataException.at(file, "The file is empty.", "a line of column names and at least one row", null);
            }
            names.replaceAll(String::strip);
            if (names.stream().allMatch(CsvScan::isNumber)) {
                throw DataException.at(
                        file + ", line " + s.recordLine,
                        "The first line holds numbers only: " + Preprocessing.shortened(names) + ".",
                        "column names in the first line",
                        "If the file has no names, say header=no; columns are then c1, c2, ...");
            }
            Map<String, Integer> seen = new HashMap<>();
            for (int i = 0; i < names.size(); i++) {
                if (names.get(i).isEmpty()) {
                    throw DataException.at(
                            file + ", line " + s.recordLine,
                            "Column " + (i + 1) + " has no name.",
                            "a name for each of the " + names.size() + " columns",
                            "Maybe the separator is not '" + separator + "' (separator=...).");
                }
                Integer twin = seen.putIfAbsent(names.get(i), i);
                if (twin != null) {
                    throw DataException.at(
                            file + ", line " + s.recordLine,
                            "Columns " + (twin + 1) + " and " + (i + 1) + " are both named '" + names.get(i) + "'.",
                            "distinct names",
                            "Rename one of them.");
                }
            }
            return names;
        }
    }

    /** Number of columns of a file without header. */
    static int width(Path file, char separator) {
        try (CsvScan s = open(file, separator)) {
            List<String> first = s.next();
            if (first == null) {
                throw DataException.at(file, "The file is empty.", "at least one row", null);
            }
            return first.size();
        }
    }

    private static boolean isNumber(String s) {
        try {
            Double.parseDouble(s);
            return true;
        } catch (NumberFormatException e) {
            return false;
        }
    }

    /** Walks the whole file and throws at the first thing that is wrong; returns if nothing is. */
    static void diagnose(Path file, char separator, int width) {
        try (CsvScan s = open(file, separator)) {
            List<String> r;
            while ((r = s.next()) != null) {
                if (r.size() != width) {
                    throw DataException.at(
                            file + ", line " + s.recordLine,
                            "The row has " + r.size() + " values.",
                            width + ", as many as the first line",
                            "Maybe a value that contains the separator '" + separator + "' lacks its quotes.");
                }
            }
        }
    }

    /** Line on which data row {@code row} (from 0, header not counted) starts. */
    static long lineOf(Path file, char separator, boolean header, long row) {
        try (CsvScan s = open(file, separator)) {
            for (long r = header ? -1 : 0; r <= row; r++) {
                if (s.next() == null) {
                    break;
                }
            }
            return s.recordLine;
        }
    }

    /** The next record that is not an empty line, or null; with a separator of -1 a record is one value. */
    List<String> next() {
        List<String> values;
        do {
            values = record();
        } while (values != null && values.isEmpty());
        return values;
    }

    /** Line on which the last record starts, from 1. */
    long line() {
        return recordLine;
    }

    private List<String> record() {
        Bytes value = new Bytes();
        List<String> values = new ArrayList<>();
        boolean quoted = false;
        recordStart = line;
        try {
            int c = read();
            if (c < 0) {
                return null;
            }
            recordLine = line;
            if (c == '\n') {
                line++;
                return values;
            }
            boolean atStart = true;
            for (; ; c = read()) {
                if (quoted) {
                    if (c < 0) {
                        throw DataException.at(
                                file + ", line " + recordLine,
                                "A quoted value never ends.",
                                "a closing quote",
                                "Maybe a quote inside a value is not doubled (\"\").");
                    } else if (c == '"') {
                        int d = read();
                        if (d == '"') {
                            value.add(c);
                        } else {
                            quoted = false;
                            ahead = d;
                        }
                    } else {
                        line += c == '\n' ? 1 : 0;
                        value.add(c);
                    }
                } else if (c == '"' && atStart && separator >= 0) {
                    quoted = true;
                    atStart = false;
                } else if (c == separator) {
                    values.add(value.text());
                    atStart = true;
                } else if (c == '\n' || c < 0) {
                    values.add(value.text());
                    line += c == '\n' ? 1 : 0;
                    return values;
                } else {
                    value.add(c);
                    atStart = false;
                }
            }
        } catch (IOException e) {
            throw unreadable(file, line, e);
        }
    }

    /** The next byte, with CR LF and a lone CR read as LF. */
    private int read() throws IOException {
        int c = ahead == -2 ? in.read() : ahead;
        ahead = -2;
        if (c == '\r') {
            int d = in.read();
            if (d != '\n') {
                ahead = d;
            }
            return '\n';
        }
        return c;
    }

    static DataException unreadable(Path file, long line, IOException e) {
        if (e instanceof EOFException) {
            return DataException.at(
                    file + ", line " + line,
                    "The gzip file ends in the middle.",
                    "a whole gzip file",
                    "Maybe it was cut off on its way; fetch it again.",
                    e);
        }
        if (e instanceof ZipException) {
            return DataException.at(
                    file + ", line " + line,
                    "The gzip data are damaged (" + e.getMessage() + ").",
                    "a whole gzip file",
                    "Maybe it was damaged on its way; fetch it again.",
                    e);
        }
        return DataException.at(file, "The file cannot be read (" + e + ").", "a readable file", null, e);
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            throw unreadable(file, line, e);
        }
    }

    private final class Bytes {
        private byte[] b = new byte[64];
        private int n;

        void add(int c) {
            if (n == b.length) {
                b = java.util.Arrays.copyOf(b, 2 * n);
            }
            b[n++] = (byte) c;
        }

        String text() {
            try {
                String s = StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .decode(ByteBuffer.wrap(b, 0, n))
                        .toString();
                n = 0;
                return s;
            } catch (CharacterCodingException e) {
                long bad = recordStart;
                throw DataException.at(
                        file + ", line " + bad,
                        "The text is not UTF-8: " + printable() + ".",
                        "UTF-8",
                        "Convert it, e.g. with iconv -f latin1 -t utf-8.",
                        e);
            }
        }

        private String printable() {
            StringBuilder s = new StringBuilder("'");
            for (int i = 0; i < Math.min(n, 60); i++) {
                s.append(b[i] >= 32 && b[i] < 127 ? String.valueOf((char) b[i]) : String.format("\\x%02x", b[i]));
            }
            return s.append(n > 60 ? "...'" : "'").toString();
        }
    }
}
