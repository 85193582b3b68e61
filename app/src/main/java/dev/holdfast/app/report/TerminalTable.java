package dev.holdfast.app.report;

import dev.holdfast.evaluate.Trial;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/** The summary of a comparison as text: one line a learner, best final accuracy first. */
public final class TerminalTable {
    private TerminalTable() {}

    public static String of(Comparison c) {
        Map<String, List<Trial.Result>> byLearner = new LinkedHashMap<>();
        c.trials().forEach(r -> byLearner
                .computeIfAbsent(r.learner(), k -> new ArrayList<>())
                .add(r));
        List<List<Trial.Result>> rows = new ArrayList<>(byLearner.values());
        rows.sort(Comparator.comparingDouble(
                (List<Trial.Result> r) -> -orLowest(mean(r, Trial.Result::averageAccuracy))));
        StringBuilder b = new StringBuilder();
        b.append(String.format(
                "%-12s %-9s %8s %8s %8s %8s %9s %9s %10s%n",
                "learner", "role", "final", "average", "forgets", "BWT", "CPU s", "ms/batch", "state"));
        for (List<Trial.Result> r : rows) {
            Trial.Result one = r.get(0);
            if (r.stream().allMatch(t -> t.status() != Trial.Status.DONE)) {
                b.append(String.format("%-12s %-9s %s: %s%n", one.learner(), role(one), one.status(), one.message()));
                continue;
            }
            b.append(String.format(
                    Locale.ROOT,
                    "%-12s %-9s %8s %8s %8s %8s %9.2f %9.2f %10s%n",
                    one.learner(),
                    role(one),
                    percent(mean(r, Trial.Result::averageAccuracy)),
                    percent(mean(r, Trial.Result::averageIncrementalAccuracy)),
                    percent(mean(r, Trial.Result::forgettingClassic)),
                    percent(mean(r, Trial.Result::backwardTransfer)),
                    mean(r, Trial.Result::cpuSeconds),
                    1000 * mean(r, Trial.Result::secondsPerBatch),
                    bytes(one.bytes())));
        }
        return b.append("final = mean accuracy over all tasks after the last; average = the same averaged over the"
                        + " stream; forgets = mean drop from a task's best; accuracies in percent")
                .toString();
    }

    private static String role(Trial.Result r) {
        return r.role().name().toLowerCase(Locale.ROOT);
    }

    /** Mean over the seeds that have the number; null if none has. */
    static Double mean(List<Trial.Result> r, Function<Trial.Result, Double> number) {
        var v = r.stream()
                .filter(t -> t.status() == Trial.Status.DONE)
                .map(number)
                .filter(Objects::nonNull)
                .mapToDouble(Double::doubleValue)
                .average();
        return v.isPresent() ? v.getAsDouble() : null;
    }

    private static double orLowest(Double v) {
        return v == null ? Double.NEGATIVE_INFINITY : v;
    }

    private static String percent(Double v) {
        return v == null ? "-" : String.format(Locale.ROOT, "%.2f", 100 * v);
    }

    static String bytes(long n) {
        return n < 10_000
                ? n + " B"
                : n < 10_000_000
                        ? String.format(Locale.ROOT, "%.1f kB", n / 1e3)
                        : String.format(Locale.ROOT, "%.1f MB", n / 1e6);
    }
}
