package dev.holdfast.app.report;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** CSV as RFC 4180 has it. */
public final class Csv {
    private Csv() {}

    /** One line with its end; null is an empty field. */
    public static String line(List<?> cells) {
        return cells.stream().map(c -> field(Objects.toString(c, ""))).collect(Collectors.joining(",")) + "\r\n";
    }

    /** Quoted if it must be; a quote inside is doubled. */
    static String field(String text) {
        boolean quote = text.contains(",") || text.contains("\"") || text.contains("\n") || text.contains("\r");
        return quote ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }
}
