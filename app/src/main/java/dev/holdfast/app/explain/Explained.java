package dev.holdfast.app.explain;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.nn.prototype.Explanation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What is told about one row.
 *
 * @param row its id
 * @param said name of the predicted class
 * @param truth name of its class, or null where it is not known
 * @param radius certified radius, or null where the model gives none
 * @param why the reasoning, or null where the model has none
 * @param rival name of the next class, or null
 */
public record Explained(long row, String said, String truth, Double radius, Explanation why, String rival) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** In words, the {@code most} weightiest components. */
    public String words(int most) {
        StringBuilder b = new StringBuilder("row " + row + ": ");
        b.append(why == null ? said : why.words(said, rival, most));
        if (radius != null) {
            b.append(
                    radius.isInfinite()
                            ? "\n  there is no other class, so nothing alters this"
                            : String.format(Locale.ROOT, "%n  no change shorter than %.4f alters this", radius));
        }
        if (truth != null && !truth.equals(said)) {
            b.append("\n  it is labelled ").append(truth);
        }
        return b.toString();
    }

    /** Names of {@link #cells}. */
    public static List<Object> header() {
        return List.of("row", "class", "label", "radius", "probability", "next", "next probability");
    }

    /** One line of a table; null where there is nothing. */
    public List<Object> cells() {
        return java.util.Arrays.asList(
                row,
                said,
                truth,
                radius,
                why == null ? null : why.agreement(),
                rival,
                why == null || rival == null ? null : why.rivalAgreement());
    }

    /** As JSON on one line: the same with the parts of the agreement and the components. */
    public String json() {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("row", row);
        m.put("class", said);
        m.put("label", truth);
        m.put("radius", radius == null || radius.isInfinite() ? null : radius);
        if (why != null) {
            m.put("probability", why.agreement());
            m.put("next", rival);
            m.put("nextProbability", rival == null ? null : why.rivalAgreement());
            m.put("expectedAndThere", why.positiveAgreement());
            m.put("unexpectedAndAbsent", why.negativeAgreement());
            m.put("expectedAndAbsent", why.positiveDisagreement());
            m.put("unexpectedAndThere", why.negativeDisagreement());
            m.put("components", why.components());
        }
        try {
            return JSON.writeValueAsString(m);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("Row " + row + " cannot be written as JSON", e);
        }
    }
}
