package dev.holdfast.app.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.diagnose.training.Diary;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The page of a diagnosis: what is wrong, curves of everything that was measured, rows that oppose each other, and what cures
 * changed.
 *
 * @param title what was trained on what
 * @param facts how, in a sentence
 * @param diary what was measured
 * @param symptoms what was found
 * @param groups rows that oppose each other; null where nobody looked
 * @param cures what was tried
 */
public record DiagnosisPage(
        String title, String facts, Diary diary, List<Symptom> symptoms, Groups groups, List<Tried> cures) {
    /** A symptom: what it is, its number, from where on it counts, papers, names of known cures. */
    public record Symptom(
            String name,
            String sentence,
            String number,
            double value,
            double from,
            String papers,
            List<String> cures) {}

    /**
     * Two groups of rows.
     *
     * @param alternation share of updates at which the loss of group a turns round
     * @param cosine between the groups' gradients; null if it was not measured
     */
    public record Groups(double alternation, double opposite, Double cosine, List<Example> a, List<Example> b) {}

    /**
     * A row.
     *
     * @param picture a data address of an image; null for other rows
     * @param text its first numbers; null for images
     */
    public record Example(long id, String label, String picture, String text) {}

    /**
     * A training with a cure, or without for comparison.
     *
     * @param value the symptom's number; null where it has none
     * @param testAccuracy null where there are no test rows
     */
    public record Tried(String symptom, String cure, String settings, Double value, Double loss, Double testAccuracy) {}

    /** Writes the page, one file that needs no network. */
    public void write(Path file) {
        ReportFiles.write(file, html(), "--out");
    }

    /** All of it as JSON; numbers that are not finite are null. */
    public String json() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("title", title);
        all.put("facts", facts);
        all.put("symptoms", symptoms.stream().map(DiagnosisPage::plain).toList());
        List<Map<String, Object>> entries = new ArrayList<>();
        for (Diary.Entry e : diary.entries()) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("step", e.step());
            columns(e).forEach((k, v) -> line.put(k, Double.isFinite(v) ? v : null));
            entries.add(line);
        }
        all.put("diary", entries);
        all.put("groups", groups);
        all.put("cures", cures);
        try {
            return new ObjectMapper().writeValueAsString(all);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Object> plain(Symptom s) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("name", s.name);
        m.put("sentence", s.sentence);
        m.put("number", s.number);
        m.put("value", Double.isFinite(s.value) ? s.value : null);
        m.put("from", s.from);
        m.put("papers", s.papers);
        m.put("cures", s.cures);
        return m;
    }

    /** The numbers of an entry by the names that they have in files. */
    public static Map<String, Double> columns(Diary.Entry e) {
        Map<String, Double> m = new LinkedHashMap<>();
        m.put("rate", e.rate());
        m.put("batch_loss", e.batchLoss());
        m.put("gradient_norm", e.gradientNorm());
        m.put("loss", e.loss());
        m.put("accuracy", e.accuracy());
        m.put("largest_logit", e.largestLogit());
        m.put("log_z", e.logZ());
        m.put("collapsed", e.collapsed());
        m.put("zero_losses", e.zeroLosses());
        m.put("scaling", e.scaling());
        m.put("gradient_size", e.gradientSize());
        m.put("sharpness", e.sharpness());
        m.put("edge", e.edge());
        m.put("test_accuracy", e.testAccuracy());
        m.put("attention_logit", e.attentionLogit());
        return m;
    }

    String html() {
        return HtmlReport.page("diagnosis.html", "diagnosis.js", json());
    }
}
