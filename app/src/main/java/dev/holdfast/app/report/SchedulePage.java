package dev.holdfast.app.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The page of a learning rate: its curves, phases and what checkpoints cost.
 *
 * @param ends updates after which a checkpoint is wanted
 * @param costs updates by method; empty where none is compared
 * @param chosen the method that is drawn
 */
public record SchedulePage(
        String title, List<Curve> curves, List<Phase> phases, List<Long> ends, Map<String, Long> costs, String chosen) {
    /** Points of update and rate. */
    public record Curve(String name, List<double[]> points) {}

    /** Updates from (inclusive) to (exclusive), with the first and the last rate. */
    public record Phase(String run, String name, long from, long to, double first, double last) {}

    /** Writes the page, one file that needs no network. */
    public void write(Path file) {
        ReportFiles.write(file, html(), "--html");
    }

    String html() {
        try {
            return HtmlReport.page("schedule.html", "schedule.js", new ObjectMapper().writeValueAsString(this));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
