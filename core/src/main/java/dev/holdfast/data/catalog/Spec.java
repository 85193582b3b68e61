package dev.holdfast.data.catalog;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.IdxFiles;
import dev.holdfast.data.source.Names;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * A name for data taken apart: {@code [format:]place[?key=value&...]}.
 *
 * @param format format asked for, or null to go by the name
 * @param place id or path
 * @param options the caller's options with the spec's own on top
 */
record Spec(String format, String place, DataOptions options) {
    static final List<String> FORMATS = List.of("csv", "parquet", "jsonl", "arff", "idx", "images");

    private static final List<String> KEYS = List.of(
            "label",
            "text",
            "ignore",
            "categories",
            "test",
            "seed",
            "standardise",
            "encoding",
            "indicators",
            "rows",
            "separator",
            "header");

    static Spec of(String text, DataOptions base) {
        String rest = text;
        DataOptions o = base;
        int query = rest.lastIndexOf('?');
        // a file whose name has a question mark is a file
        if (query >= 0 && !Files.exists(Path.of(rest))) {
            for (String part : rest.substring(query + 1).split("&")) {
                int eq = part.indexOf('=');
                if (eq < 1) {
                    throw DataException.at(text, "The part '" + part + "' has no value.", "key=value", null);
                }
                o = with(text, o, part.substring(0, eq), decode(part.substring(eq + 1)));
            }
            rest = rest.substring(0, query);
        }
        int colon = rest.indexOf(':');
        String scheme = colon > 0 ? rest.substring(0, colon).toLowerCase(Locale.ROOT) : "";
        return FORMATS.contains(scheme) ? new Spec(scheme, rest.substring(colon + 1), o) : new Spec(null, rest, o);
    }

    private static String decode(String s) {
        return URLDecoder.decode(s, StandardCharsets.UTF_8);
    }

    private static DataOptions with(String spec, DataOptions o, String key, String v) {
        try {
            return switch (key) {
                case "label" -> o.withLabels(v.split(","));
                case "text" -> o.withText(v.split(","));
                case "ignore" -> o.withIgnore(v.split(","));
                case "categories" -> o.withCategories(v.split(","));
                case "test" -> o.withTestShare(Double.parseDouble(v));
                case "seed" -> o.withSeed(Long.parseLong(v));
                case "standardise" -> o.withStandardise(yes(v));
                case "encoding" -> o.withEncoding(encoding(v));
                case "indicators" -> o.withMissingIndicators(yes(v));
                case "rows" -> o.withRows(Long.parseLong(v));
                case "separator" -> o.withSeparator(v.equals("tab") ? "\t" : v);
                case "header" -> o.withHeader(yes(v));
                default -> {
                    String near = Names.nearest(key, KEYS);
                    throw DataException.at(
                            spec,
                            "There is no option '" + key + "'.",
                            "one of " + KEYS,
                            near == null ? null : "Maybe '" + near + "' was meant.");
                }
            };
        } catch (IllegalArgumentException e) {
            throw DataException.at(
                    spec,
                    "The option " + key + "=" + v + " does not fit (" + e.getMessage() + ").",
                    expected(key),
                    null,
                    e);
        }
    }

    private static String expected(String key) {
        return switch (key) {
            case "test" -> "a share between 0 and 1";
            case "seed", "rows" -> "a whole number";
            case "standardise", "indicators", "header" -> "yes or no";
            case "encoding" -> "one-hot or ordinal";
            case "separator" -> "a single character, or tab";
            default -> "column names, separated by commas";
        };
    }

    private static boolean yes(String v) {
        return switch (v.toLowerCase(Locale.ROOT)) {
            case "yes", "true", "1" -> true;
            case "no", "false", "0" -> false;
            default -> throw new IllegalArgumentException("it is neither yes nor no");
        };
    }

    private static DataOptions.Encoding encoding(String v) {
        return switch (v.toLowerCase(Locale.ROOT)) {
            case "one-hot", "onehot", "one_hot" -> DataOptions.Encoding.ONE_HOT;
            case "ordinal" -> DataOptions.Encoding.ORDINAL;
            default -> throw new IllegalArgumentException("there is no such encoding");
        };
    }

    /** The format of a path: the one asked for, or the one that its name and content tell. */
    String formatOf(Path path) {
        if (format != null) {
            return format;
        }
        if (Files.isDirectory(path)) {
            return IdxFiles.Four.in(path) != null ? "idx" : "images";
        }
        String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
        String bare = name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
        int dot = bare.lastIndexOf('.');
        return switch (dot < 0 ? "" : bare.substring(dot + 1)) {
            case "csv", "tsv" -> "csv";
            case "parquet", "pq" -> "parquet";
            case "jsonl", "ndjson", "json" -> "jsonl";
            case "arff" -> "arff";
            case "idx" -> "idx";
            default -> {
                if (bare.endsWith("-ubyte")) {
                    yield "idx";
                }
                throw DataException.at(
                        path,
                        "The name does not tell what kind of file this is.",
                        "a name ending in .csv, .tsv, .parquet, .jsonl, .arff or -ubyte, each with or without .gz",
                        "Say it in front: csv:" + path + ", parquet:..., jsonl:..., arff:..., idx:... or images:...");
            }
        };
    }
}
