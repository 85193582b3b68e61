package dev.holdfast.app.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.evaluate.calibration.CalibrationMetric;
import dev.holdfast.evaluate.calibration.Reliability;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The page of a calibration: reliability diagrams before and after, and every measure.
 *
 * @param results the raw scores first
 */
public record CalibrationPage(
        String model, String data, int fitRows, int testRows, List<String> warnings, List<Result> results) {
    /**
     * One calibrator after its fit, or the raw scores.
     *
     * @param metrics by name; undefined ones are left out
     */
    public record Result(
            String method,
            boolean keepsDecision,
            double accuracy,
            Map<String, Double> metrics,
            Reliability reliability) {
        public Result {
            metrics = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(metrics));
        }
    }

    /** Writes the page, one file that needs no network. */
    public void write(Path file) {
        ReportFiles.write(file, html(), "--report");
    }

    String html() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("model", model);
        all.put("data", data);
        all.put("fitRows", fitRows);
        all.put("testRows", testRows);
        all.put("warnings", warnings);
        all.put("results", results);
        all.put(
                "metrics",
                Arrays.stream(CalibrationMetric.values())
                        .map(m ->
                                Map.of("label", m.label(), "family", m.family().name(), "summary", m.summary()))
                        .toList());
        try {
            return HtmlReport.page("calibration.html", "calibration.js", new ObjectMapper().writeValueAsString(all));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
