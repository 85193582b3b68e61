package dev.holdfast.app.report;

import dev.holdfast.evaluate.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/** The trials of a comparison as CSV (RFC 4180): one line a trial, undefined numbers empty. */
final class CsvReport {
    private static final List<String> HEADER = List.of(
            "data",
            "scenario",
            "learner",
            "role",
            "seed",
            "status",
            "final_accuracy",
            "average_incremental_accuracy",
            "forgetting_survey",
            "forgetting_classic",
            "backward_transfer",
            "intransigence",
            "learn_seconds",
            "cpu_seconds",
            "ms_per_batch",
            "steps",
            "samples",
            "parameters",
            "bytes",
            "configuration",
            "message");

    private CsvReport() {}

    static String of(Comparison c) {
        StringBuilder b = new StringBuilder();
        line(b, HEADER);
        for (Comparison.Bed bed : c.beds()) {
            for (Trial.Result r : bed.trials()) {
                List<Object> cells = new ArrayList<>(List.of(
                        bed.data().name(),
                        bed.stream().name(),
                        r.learner(),
                        r.role().name().toLowerCase(Locale.ROOT),
                        r.seed(),
                        r.status().name().toLowerCase(Locale.ROOT)));
                cells.add(r.averageAccuracy());
                cells.add(r.averageIncrementalAccuracy());
                cells.add(r.forgetting());
                cells.add(r.forgettingClassic());
                cells.add(r.backwardTransfer());
                cells.add(Summary.intransigence(r, bed.trials()));
                cells.add(r.learnSeconds());
                cells.add(r.cpuSeconds());
                cells.add(1000 * r.secondsPerBatch());
                cells.add(r.steps());
                cells.add(r.samples());
                cells.add(r.parameters());
                cells.add(r.bytes());
                cells.add(r.configuration());
                cells.add(r.message());
                line(b, cells);
            }
        }
        return b.toString();
    }

    private static void line(StringBuilder b, List<?> cells) {
        b.append(cells.stream().map(c -> field(Objects.toString(c, ""))).collect(Collectors.joining(",")))
                .append("\r\n");
    }

    /** Quoted if it must be; a quote inside is doubled. */
    static String field(String text) {
        boolean quote = text.contains(",") || text.contains("\"") || text.contains("\n") || text.contains("\r");
        return quote ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }
}
