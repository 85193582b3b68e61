package dev.holdfast.app.report;

import dev.holdfast.evaluate.Trial;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The summary of a comparison as text: one line a learner, best final accuracy first. */
public final class TerminalTable {
    private static final String TASK_WORDS =
            """
            final = mean accuracy over all tasks after the last, average = the same averaged over the stream,
            forgets = mean drop from the best a task ever had (classic: since it was learnt), BWT = backward
            transfer, IM = intransigence: what retraining knows more about each newest task, min-ACC = the least
            that was left of earlier tasks at any update, WF10 = the largest drop within ten updates; all in percent
            """;

    private static final String STREAM_WORDS =
            """
            Every row is predicted before it is learnt; metrics are over all rows, in percent. no-change repeats the labels
            of the row before. drifts = times that the error rose (ADWIN), rows/s = rows tested and learnt in a second.
            """;

    private TerminalTable() {}

    /** All data sets of a comparison, and whether ranks tell learners apart. */
    public static String of(Comparison c) {
        StringBuilder b = new StringBuilder();
        for (Comparison.Bed bed : c.beds()) {
            if (c.beds().size() > 1) {
                b.append(bed.data().name())
                        .append(" (")
                        .append(bed.stream().name())
                        .append(")\n");
            }
            if (bed.stream().isPrequential()) {
                streamTable(b, bed);
            } else {
                table(b, bed);
                levels(b, bed);
                wrongLabels(b, bed);
            }
            b.append('\n');
        }
        if (c.tuning() != null) {
            tuning(b, c.tuning());
        }
        boolean streams = c.beds().stream().anyMatch(bed -> bed.stream().isPrequential());
        b.append(streams ? STREAM_WORDS : TASK_WORDS);
        ranks(b, c.ranks());
        return b.toString().stripTrailing();
    }

    private static void streamTable(StringBuilder b, Comparison.Bed bed) {
        boolean several = bed.summary().stream().anyMatch(s -> s.seeds() > 1);
        List<String> names = bed.summary().stream()
                .filter(s -> !s.metrics().isEmpty())
                .findFirst()
                .map(s -> s.metrics().stream().map(Summary.Measured::name).toList())
                .orElse(List.of());
        List<String> own =
                names.stream().filter(n -> !n.startsWith("no-change")).toList();
        b.append(String.format("%-18s %-9s", "learner", "role"));
        own.forEach(n -> b.append(String.format(" %" + width(n, several) + "s", n)));
        b.append(String.format(" %7s %9s %9s %10s%n", "drifts", "rows/s", "CPU s", "state"));
        for (Summary s : bed.summary()) {
            if (s.status() != Trial.Status.DONE) {
                b.append(String.format(
                        "%-18s %-9s %s: %s%n",
                        s.learner(), role(s), s.status().name().toLowerCase(Locale.ROOT), s.message()));
                continue;
            }
            b.append(String.format("%-18s %-9s", s.learner(), role(s)));
            s.metrics().stream()
                    .filter(m -> own.contains(m.name()))
                    .forEach(m ->
                            b.append(String.format(" %" + width(m.name(), several) + "s", spread(m.value(), several))));
            b.append(String.format(
                    Locale.ROOT,
                    " %7.1f %9s %9.2f %10s%n",
                    s.drifts().mean(),
                    s.rowsPerSecond() == null
                            ? "-"
                            : String.format(
                                    Locale.ROOT, "%,.0f", s.rowsPerSecond().mean()),
                    s.cpuSeconds().mean(),
                    bytes(s.bytes())));
        }
    }

    private static int width(String name, boolean several) {
        return Math.max(several ? 13 : 8, name.length());
    }

    private static void table(StringBuilder b, Comparison.Bed bed) {
        boolean several = bed.summary().stream().anyMatch(s -> s.seeds() > 1);
        int wide = several ? 13 : 8;
        int names =
                bed.summary().stream().mapToInt(s -> s.learner().length()).max().orElse(0);
        String head = "%-" + Math.max(14, names) + "s %-9s %" + wide + "s %" + wide
                + "s %8s %8s %8s %8s %8s %8s %9s %9s %10s%n";
        b.append(String.format(
                head,
                "learner",
                "role",
                "final",
                "average",
                "forgets",
                "classic",
                "BWT",
                "IM",
                "min-ACC",
                "WF10",
                "CPU s",
                "ms/batch",
                "state"));
        for (Summary s : bed.summary()) {
            if (s.status() != Trial.Status.DONE) {
                b.append(String.format(
                        "%-" + Math.max(14, names) + "s %-9s %s: %s%n",
                        s.learner(),
                        role(s),
                        s.status().name().toLowerCase(Locale.ROOT),
                        s.message()));
                continue;
            }
            b.append(String.format(
                    Locale.ROOT,
                    head,
                    s.learner(),
                    role(s),
                    spread(s.finalAccuracy(), several),
                    spread(s.averageAccuracy(), several),
                    percent(s.forgetting()),
                    percent(s.forgettingClassic()),
                    percent(s.backwardTransfer()),
                    percent(s.intransigence()),
                    percent(s.minAccuracy()),
                    percent(s.windowedForgetting()),
                    String.format(Locale.ROOT, "%.2f", s.cpuSeconds().mean()),
                    String.format(Locale.ROOT, "%.2f", s.msPerBatch().mean()),
                    bytes(s.bytes())));
        }
    }

    /** What became of rows to learn from whose labels were made wrong, where some were. */
    private static void wrongLabels(StringBuilder b, Comparison.Bed bed) {
        List<Summary> asked =
                bed.summary().stream().filter(s -> s.memorised() != null).toList();
        if (asked.isEmpty()) {
            return;
        }
        boolean several = asked.stream().anyMatch(s -> s.seeds() > 1);
        int names = asked.stream().mapToInt(s -> s.learner().length()).max().orElse(0);
        String line =
                "%-" + Math.max(14, names) + "s %-9s %" + (several ? 13 : 10) + "s %" + (several ? 13 : 10) + "s%n";
        b.append('\n').append(String.format(line, "wrong labels", "", "memorised", "corrected"));
        asked.forEach(s -> b.append(String.format(
                line, s.learner(), role(s), spread(s.memorised(), several), spread(s.corrected(), several))));
        b.append("Of the rows to learn from whose label was made wrong: memorised = predicted as labelled,")
                .append(" corrected = as they truly are\n");
    }

    /** Accuracy at every level of a label tree, where there is one. */
    private static void levels(StringBuilder b, Comparison.Bed bed) {
        List<Summary> scored =
                bed.summary().stream().filter(s -> !s.levels().isEmpty()).toList();
        if (scored.isEmpty()) {
            return;
        }
        boolean several = scored.stream().anyMatch(s -> s.seeds() > 1);
        int wide = several ? 13 : 8;
        b.append('\n').append(String.format("%-14s %-9s", "by level", ""));
        for (Summary.Level l : scored.get(0).levels()) {
            String level = "L" + (l.level() + 1);
            b.append(String.format(" %" + wide + "s %8s %8s", level + " last", level + " AUC", level + " F"));
        }
        b.append(String.format(" %8s%n", "agree"));
        for (Summary s : scored) {
            b.append(String.format("%-14s %-9s", s.learner(), role(s)));
            for (Summary.Level l : s.levels()) {
                b.append(String.format(
                        " %" + wide + "s %8s %8s",
                        spread(l.last(), several),
                        percent(l.areaUnderCurve()),
                        percent(l.forgetting())));
            }
            b.append(String.format(" %8s%n", percent(s.consistency())));
        }
        b.append("L1 is the coarsest level (")
                .append(scored.get(0).levels().stream()
                        .map(l -> Integer.toString(l.classes()))
                        .collect(Collectors.joining(", ")))
                .append(
                        " classes); AUC = mean over the stream, F = mean drop of a class, agree = finest below coarser\n");
    }

    private static void tuning(StringBuilder b, Comparison.Tuning t) {
        boolean flattery = t.learners().stream().anyMatch(f -> f.overestimation() != null);
        b.append(String.format(
                "Settings chosen on %s (%s, %d settings a learner), by %s accuracy:%n",
                t.on(),
                t.method().equals("HALVING") ? "successive halving" : "random search",
                t.trials(),
                t.selection().toLowerCase(Locale.ROOT).replace('_', ' ')));
        b.append(String.format(
                "%-18s %8s%s %7s %8s  %s%n",
                "learner",
                "there",
                flattery ? String.format(" %8s %9s %9s", "here", "best here", "flattery") : "",
                "failed",
                "seconds",
                "chosen"));
        for (Comparison.Found f : t.learners()) {
            b.append(String.format(
                    Locale.ROOT,
                    "%-18s %8s%s %7d %8.1f  %s%n",
                    f.learner(),
                    percent(f.tuning()),
                    flattery
                            ? String.format(
                                    " %8s %9s %9s",
                                    percent(f.scored()), percent(f.conventional()), percent(f.overestimation()))
                            : "",
                    f.failed(),
                    f.seconds(),
                    f.setting().isEmpty()
                            ? "no valid setting"
                            : f.setting().entrySet().stream()
                                    .map(e -> e.getKey() + "=" + e.getValue())
                                    .collect(Collectors.joining(" "))));
        }
        if (flattery) {
            wrap(
                    b,
                    "there = on the data to tune on, here = on the data compared on, best here = the setting that is best"
                            + " here: what tuning and scoring on the same data would report; flattery = the difference"
                            + (t.kendallTau() == null
                                    ? "."
                                    : String.format(
                                            Locale.ROOT, "; the two rankings agree with tau-b %.2f.", t.kendallTau())));
        }
        b.append('\n');
    }

    private static void ranks(StringBuilder b, Ranks r) {
        if (!r.possible()) {
            wrap(b, r.note());
            return;
        }
        b.append(String.format(
                Locale.ROOT,
                "Ranks over %d blocks: Friedman chi2 %.2f, p %.2g; %s; Nemenyi's critical difference %.2f.%n",
                r.blocks().size(),
                r.chiSquared(),
                r.p(),
                r.p() < r.alpha() ? "the learners are not alike" : "no evidence that the learners differ",
                r.criticalDifference()));
        r.learners().forEach(l -> b.append(String.format(Locale.ROOT, "  %6.2f  %s%n", l.meanRank(), l.learner())));
        wrap(b, r.note());
    }

    /** In lines of at most a hundred letters. */
    private static void wrap(StringBuilder b, String text) {
        int line = 0;
        for (String word : text.split(" ")) {
            if (line > 0 && line + word.length() >= 100) {
                b.append('\n');
                line = 0;
            }
            b.append(line == 0 ? "" : " ").append(word);
            line += word.length() + 1;
        }
        b.append('\n');
    }

    /** A line about one finished trial, for those who wait. */
    public static String line(Trial.Result r) {
        if (r.status() == Trial.Status.DONE && r.streamed() != null && r.square().length == 0) {
            return String.format(
                    Locale.ROOT,
                    "%-18s seed %-3d %s %6s   drifts %4d   %6.1f s",
                    r.learner(),
                    r.seed(),
                    r.streamed().headline(),
                    percent(r.averageAccuracy()),
                    r.streamed().drifts(),
                    r.learnSeconds());
        }
        return r.status() == Trial.Status.DONE
                ? String.format(
                        Locale.ROOT,
                        "%-18s seed %-3d final %6s   forgets %6s   %6.1f s",
                        r.learner(),
                        r.seed(),
                        percent(r.averageAccuracy()),
                        percent(r.forgettingClassic()),
                        r.learnSeconds())
                : String.format(
                        "%-18s seed %-3d %s: %s",
                        r.learner(), r.seed(), r.status().name().toLowerCase(Locale.ROOT), r.message());
    }

    private static String role(Summary s) {
        return s.role().name().toLowerCase(Locale.ROOT);
    }

    private static String spread(Summary.Stat s, boolean several) {
        return s == null
                ? "-"
                : several && s.sd() != null
                        ? String.format(Locale.ROOT, "%.2f ±%5.2f", 100 * s.mean(), 100 * s.sd())
                        : percent(s);
    }

    private static String percent(Summary.Stat s) {
        return percent(s == null ? null : (Double) s.mean());
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
