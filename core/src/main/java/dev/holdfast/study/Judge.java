package dev.holdfast.study;

import dev.holdfast.math.RankStatistics;
import dev.holdfast.study.Verdict.Outcome;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Computes a verdict from rules that were stated before the run and rows that were measured in it. Nothing else goes in:
 * equal rules and rows give equal verdicts. Pure functions; safe from any thread.
 */
public final class Judge {
    private Judge() {}

    /**
     * What the rules say about the rows. The whole holds if every required criterion does; it does not hold if one does
     * not; else it is inconclusive.
     */
    public static Verdict judge(List<Criterion> criteria, Findings findings) {
        Map<String, Outcome> outcomes = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        for (Criterion c : criteria) {
            List<String> why = new ArrayList<>();
            Outcome o = outcome(c.rule(), findings, why);
            if (outcomes.put(c.id(), o) != null) {
                throw new IllegalArgumentException("Two criteria are named '" + c.id() + "'.");
            }
            if (o == Outcome.INCONCLUSIVE && c.required()) {
                missing.add(c.id() + ": " + String.join("; ", why));
            }
        }
        List<Outcome> judged = criteria.stream()
                .filter(Criterion::required)
                .map(c -> outcomes.get(c.id()))
                .toList();
        Outcome all = judged.contains(Outcome.DOES_NOT_HOLD)
                ? Outcome.DOES_NOT_HOLD
                : judged.contains(Outcome.INCONCLUSIVE) || judged.isEmpty() ? Outcome.INCONCLUSIVE : Outcome.HOLDS;
        String note = judged.isEmpty() ? "No criterion is required, so nothing is judged." : String.join("\n", missing);
        return new Verdict(all, outcomes, note);
    }

    /** What one rule says; reasons for INCONCLUSIVE go to {@code why}. */
    private static Outcome outcome(Rule rule, Findings f, List<String> why) {
        if (rule instanceof Rule.Paired r) {
            return paired(r, f, why);
        }
        if (rule instanceof Rule.Bound r) {
            Map<Long, Double> values = bySeed(f, r.bed(), r.metric(), r.arm(), why);
            return values.isEmpty()
                    ? Outcome.INCONCLUSIVE
                    : held(values, r.seedsNeeded(), v -> v >= r.low() && v <= r.high());
        }
        if (rule instanceof Rule.Trend r) {
            return trend(r, f, why);
        }
        if (rule instanceof Rule.Exact r) {
            List<Double> values = f.rows().stream()
                    .filter(row -> row.metric().equals(r.metric()))
                    .map(Findings.Row::value)
                    .toList();
            if (values.isEmpty()) {
                why.add("'" + r.metric() + "' was not measured");
                return Outcome.INCONCLUSIVE;
            }
            return of(values.stream().allMatch(v -> Math.abs(v) <= r.tolerance()));
        }
        if (rule instanceof Rule.AnyOf r) {
            List<Outcome> each = r.rules().stream().map(x -> outcome(x, f, why)).toList();
            return each.contains(Outcome.HOLDS)
                    ? Outcome.HOLDS
                    : each.contains(Outcome.INCONCLUSIVE) ? Outcome.INCONCLUSIVE : Outcome.DOES_NOT_HOLD;
        }
        why.add("only reported");
        return Outcome.INCONCLUSIVE;
    }

    private static Outcome paired(Rule.Paired r, Findings f, List<String> why) {
        Map<Long, Double> arm = bySeed(f, r.bed(), r.metric(), r.arm(), why);
        Map<Long, Double> baseline = bySeed(f, r.bed(), r.metric(), r.baseline(), why);
        Map<Long, Double> gain = new TreeMap<>();
        arm.forEach((seed, v) -> {
            if (baseline.containsKey(seed)) {
                gain.put(seed, r.ratio() ? v / baseline.get(seed) : v - baseline.get(seed));
            }
        });
        if (gain.isEmpty()) {
            if (!arm.isEmpty() && !baseline.isEmpty()) {
                why.add(r.arm() + " and " + r.baseline() + " have no seed in common");
            }
            return Outcome.INCONCLUSIVE;
        }
        return held(gain, r.seedsNeeded(), v -> v >= r.margin());
    }

    private static Outcome trend(Rule.Trend r, Findings f, List<String> why) {
        List<Double> means = new ArrayList<>();
        for (String arm : r.arms()) {
            Map<Long, Double> values = bySeed(f, r.bed(), r.metric(), arm, why);
            if (values.isEmpty()) {
                return Outcome.INCONCLUSIVE;
            }
            means.add(mean(values));
        }
        double[] order = IntStream.range(0, means.size()).asDoubleStream().toArray();
        double rho = RankStatistics.spearman(
                order, means.stream().mapToDouble(Double::doubleValue).toArray());
        // all means equal: there is no order at all
        return of(!Double.isNaN(rho) && rho >= r.minSpearman() - 1e-12);
    }

    private static Outcome held(
            Map<Long, Double> bySeed, double seedsNeeded, java.util.function.DoublePredicate holds) {
        if (seedsNeeded >= 1) {
            return of(holds.test(mean(bySeed)));
        }
        long good = bySeed.values().stream().filter(holds::test).count();
        return of(good >= seedsNeeded * bySeed.size());
    }

    private static Map<Long, Double> bySeed(Findings f, String bed, String metric, String arm, List<String> why) {
        Map<Long, Double> m = new TreeMap<>();
        f.rows().stream()
                .filter(r -> r.bed().equals(bed)
                        && r.metric().equals(metric)
                        && r.arm().equals(arm))
                .forEach(r -> {
                    if (m.put(r.seed(), r.value()) != null) {
                        throw new IllegalArgumentException("The findings have '" + metric + "' of '" + arm + "' on '"
                                + bed + "' twice for seed " + r.seed() + ".");
                    }
                });
        if (m.isEmpty()) {
            why.add("'" + metric + "' of '" + arm + "' on '" + bed + "' was not measured");
        }
        return m;
    }

    private static double mean(Map<Long, Double> m) {
        return m.values().stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    private static Outcome of(boolean holds) {
        return holds ? Outcome.HOLDS : Outcome.DOES_NOT_HOLD;
    }

    /** A rule as a sentence, so that it can be shown before the run. */
    public static String describe(Rule rule) {
        if (rule instanceof Rule.Paired r) {
            return String.format(
                    Locale.ROOT,
                    "%s of %s %s %s >= %s on %s, %s",
                    r.metric(),
                    r.arm(),
                    r.ratio() ? "divided by" : "less",
                    r.baseline(),
                    plain(r.margin()),
                    r.bed(),
                    seeds(r.seedsNeeded()));
        }
        if (rule instanceof Rule.Bound r) {
            return String.format(
                    Locale.ROOT,
                    "%s of %s within [%s, %s] on %s, %s",
                    r.metric(),
                    r.arm(),
                    plain(r.low()),
                    plain(r.high()),
                    r.bed(),
                    seeds(r.seedsNeeded()));
        }
        if (rule instanceof Rule.Trend r) {
            return String.format(
                    Locale.ROOT,
                    "mean %s on %s rises along %s (Spearman >= %s)",
                    r.metric(),
                    r.bed(),
                    String.join(", ", r.arms()),
                    plain(r.minSpearman()));
        }
        if (rule instanceof Rule.Exact r) {
            return "every " + r.metric() + " within " + r.tolerance() + " of 0";
        }
        if (rule instanceof Rule.AnyOf r) {
            return r.rules().stream().map(Judge::describe).collect(Collectors.joining("; or "));
        }
        return "reported, not judged";
    }

    private static String seeds(double needed) {
        return needed >= 1
                ? "in the mean over seeds"
                : String.format(Locale.ROOT, "in %.0f %% of the seeds", 100 * needed);
    }

    /** Without the last binary digit that a sum of decimals leaves. */
    private static String plain(double v) {
        return new java.math.BigDecimal(v)
                .round(new java.math.MathContext(10))
                .stripTrailingZeros()
                .toPlainString();
    }
}
