package dev.holdfast.app.report;

import dev.holdfast.evaluate.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

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
            "min_accuracy",
            "worst_case_accuracy",
            "windowed_forgetting_10",
            "memorised",
            "corrected",
            "stream_metric",
            "drifts",
            "learn_seconds",
            "cpu_seconds",
            "evaluate_seconds",
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
        b.append(Csv.line(HEADER));
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
                cells.add(r.minAccuracy());
                cells.add(r.worstCaseAccuracy());
                cells.add(r.windowedForgetting());
                cells.add(r.memorised());
                cells.add(r.corrected());
                cells.add(r.streamed() == null ? null : r.streamed().headline());
                cells.add(r.streamed() == null ? null : r.streamed().drifts());
                cells.add(r.learnSeconds());
                cells.add(r.cpuSeconds());
                cells.add(r.evaluateSeconds());
                cells.add(1000 * r.secondsPerBatch());
                cells.add(r.steps());
                cells.add(r.samples());
                cells.add(r.parameters());
                cells.add(r.bytes());
                cells.add(r.configuration());
                cells.add(r.message());
                b.append(Csv.line(cells));
            }
        }
        return b.toString();
    }
}
