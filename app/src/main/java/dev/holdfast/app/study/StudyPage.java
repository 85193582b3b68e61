package dev.holdfast.app.study;

import dev.holdfast.run.MachineFacts;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Judge;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.study.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** A study's result for people: in the terminal, and as a page of the documentation. */
public final class StudyPage {
    private static final int MOST_NOTES = 5;

    private final Study study;
    private final StudyContext.Budget budget;

    public StudyPage(Study study, StudyContext.Budget budget) {
        this.study = study;
        this.budget = budget;
    }

    /** What is known before the run: paper, claim, and the rules that will judge it. */
    public String before() {
        StringBuilder b = new StringBuilder();
        b.append(study.paper().id()).append(": ").append(study.paper().title());
        b.append(" (").append(study.paper().year());
        b.append(", arXiv ").append(study.paper().arxiv()).append(")\n");
        b.append("Claim: ").append(study.claim()).append('\n');
        b.append("Criteria, stated before the run:\n");
        for (Criterion c : study.criteria()) {
            b.append("  ")
                    .append(c.required() ? "must hold  " : "reported   ")
                    .append(c.sentence())
                    .append('\n');
        }
        return b.toString();
    }

    /** Rows and verdict. */
    public String after(Findings f, Verdict v) {
        StringBuilder b = new StringBuilder();
        int bed = width(f.rows().stream().map(Findings.Row::bed).toList(), 4);
        int arm = width(f.rows().stream().map(Findings.Row::arm).toList(), 4);
        for (Line l : lines(f)) {
            b.append(String.format("  %-" + bed + "s  %-" + arm + "s  %-20s %s%n", l.bed, l.arm, l.metric, l.value()));
        }
        b.append('\n');
        for (Criterion c : study.criteria()) {
            b.append(String.format("  %-14s %s%n", word(v.byCriterion().get(c.id()), c.required()), c.sentence()));
        }
        b.append("Verdict (budget ").append(name(budget)).append("): ").append(word(v.outcome(), true));
        List<String> notes = v.note().lines().toList();
        notes.stream().limit(MOST_NOTES).forEach(l -> b.append('\n').append(l));
        if (notes.size() > MOST_NOTES) {
            b.append("\n... and ").append(notes.size() - MOST_NOTES).append(" more like these");
        }
        return b.toString();
    }

    /** A page of the documentation in Markdown. */
    public String markdown(Findings f, Verdict v, MachineFacts m, String holdfast, long seconds) {
        StringBuilder b = new StringBuilder();
        b.append("# ").append(study.paper().id()).append("\n\n");
        b.append('*')
                .append(study.paper().title())
                .append("*, ")
                .append(study.paper().year());
        b.append(", [arXiv ").append(study.paper().arxiv()).append("](https://arxiv.org/abs/");
        b.append(study.paper().arxiv()).append(")\n\n");
        b.append("**Claim.** ").append(study.claim()).append("\n\n");
        b.append("**Verdict.** ")
                .append(word(v.outcome(), true))
                .append(", at budget `")
                .append(name(budget));
        b.append("`. It is computed from the rows below by rules that were written down before the run.\n");
        if (!v.note().isEmpty()) {
            b.append('\n');
            v.note().lines().forEach(l -> b.append("- ").append(cell(l)).append('\n'));
        }
        if (!study.remarks().isEmpty()) {
            b.append("\n**Remarks.** ").append(study.remarks()).append('\n');
        }
        b.append("\n| criterion | rule | outcome |\n| --- | --- | --- |\n");
        for (Criterion c : study.criteria()) {
            b.append("| ").append(cell(c.sentence())).append(" | ").append(cell(Judge.describe(c.rule())));
            b.append(" | ")
                    .append(word(v.byCriterion().get(c.id()), c.required()))
                    .append(" |\n");
        }
        b.append("\n## Rows\n\nMean ± standard deviation over seeds.\n\n");
        b.append("| bed | arm | metric | value | seeds |\n| --- | --- | --- | ---: | ---: |\n");
        for (Line l : lines(f)) {
            b.append("| ")
                    .append(cell(l.bed))
                    .append(" | ")
                    .append(cell(l.arm))
                    .append(" | ")
                    .append(cell(l.metric));
            b.append(" | ")
                    .append(l.value())
                    .append(" | ")
                    .append(l.values.size())
                    .append(" |\n");
        }
        b.append("\n## How it was run\n\n");
        b.append("`./holdfast study ")
                .append(study.paper().id())
                .append(" --budget ")
                .append(name(budget));
        b.append("`, seeds ")
                .append(new TreeSet<>(f.rows().stream().map(Findings.Row::seed).toList()));
        b.append(", Holdfast ").append(holdfast).append(", libtorch binding ").append(m.libtorch());
        b.append(", Java ")
                .append(m.java())
                .append(", ")
                .append(m.os())
                .append(", ")
                .append(m.vectors());
        b.append(", ").append(m.threads()).append(m.threads() == 1 ? " thread, " : " threads, ");
        b.append(seconds).append(" s.\n");
        return b.toString();
    }

    /** All seeds of one arm, bed and metric. */
    private record Line(String bed, String arm, String metric, List<Double> values) {
        String value() {
            double mean =
                    values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
            if (values.size() == 1) {
                return number(mean);
            }
            double squares =
                    values.stream().mapToDouble(x -> (x - mean) * (x - mean)).sum();
            return number(mean) + " ± " + number(Math.sqrt(squares / (values.size() - 1)));
        }

        private static String number(double v) {
            return Math.abs(v) >= 0.01 || v == 0
                    ? String.format(Locale.ROOT, "%.2f", v)
                    : String.format(Locale.ROOT, "%.2g", v);
        }
    }

    private static List<Line> lines(Findings f) {
        Map<List<String>, Line> lines = new LinkedHashMap<>();
        for (Findings.Row r : f.rows()) {
            lines.computeIfAbsent(
                            List.of(r.bed(), r.arm(), r.metric()),
                            k -> new Line(r.bed(), r.arm(), r.metric(), new ArrayList<>()))
                    .values
                    .add(r.value());
        }
        return List.copyOf(lines.values());
    }

    private static String word(Verdict.Outcome o, boolean required) {
        if (!required && o == Verdict.Outcome.INCONCLUSIVE) {
            return "reported";
        }
        return switch (o) {
            case HOLDS -> "holds";
            case DOES_NOT_HOLD -> "does not hold";
            case INCONCLUSIVE -> "inconclusive";
        };
    }

    private static int width(List<String> texts, int least) {
        return texts.stream().mapToInt(String::length).reduce(least, Math::max);
    }

    private static String cell(String text) {
        return text.replace("|", "\\|");
    }

    private static String name(StudyContext.Budget b) {
        return b.name().toLowerCase(Locale.ROOT);
    }
}
