package dev.holdfast.app.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A comparison as one HTML page that needs nothing else: style, script, chart library and numbers are inside. */
final class HtmlReport {
    private static final String ECHARTS = "/META-INF/resources/webjars/echarts/5.3.1/dist/echarts.min.js";
    private static final String BODY = "<body>\n";
    private static final Pattern SLOT = Pattern.compile("/\\*\\{(\\w+)}\\*/");

    private HtmlReport() {}

    static String of(Comparison c) {
        return page("report.html", "report.js", json(c));
    }

    /**
     * A page with its style, the charts, its script and its data in it.
     *
     * @param template title and style of its own, then {@code <body>}, then what the page shows
     */
    static String page(String template, String script, String json) {
        String own = resource(template);
        int body = own.indexOf(BODY);
        Map<String, String> parts = Map.of(
                "style", resource("report.css"),
                "head", own.substring(0, body),
                "body", own.substring(body + BODY.length()),
                "charts", script(resource(ECHARTS)),
                "script", script(resource("page.js") + resource(script)),
                "data", harmless(json));
        Matcher slots = SLOT.matcher(resource("page.html"));
        return slots.replaceAll(m -> Matcher.quoteReplacement(parts.get(m.group(1))));
    }

    /** {@link #harmless} JSON of a comparison. */
    static String data(Comparison c) {
        return harmless(json(c));
    }

    private static String json(Comparison c) {
        try {
            return new ObjectMapper().writeValueAsString(c);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** JSON that cannot end the script element it stands in, whatever names the data bring. */
    private static String harmless(String json) {
        return json.replace("<", "\\u003c")
                .replace(">", "\\u003e")
                .replace("&", "\\u0026")
                .replace("\u2028", "\\u2028")
                .replace("\u2029", "\\u2029");
    }

    private static String script(String code) {
        return code.replace("</script", "<\\/script").replaceAll("//# sourceMappingURL=\\S*", "");
    }

    private static String resource(String name) {
        try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("The resource " + name
                        + " is missing from the class path.\nMaybe the build is incomplete: mvn clean package.");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
