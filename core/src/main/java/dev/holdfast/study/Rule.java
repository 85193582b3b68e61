package dev.holdfast.study;

import java.util.List;

/** Data, not code, so that it can be printed before the run. seedsNeeded = share of seeds in which it must hold (1 = mean over seeds with interval). */
public sealed interface Rule {
    record Paired(
            String bed, String metric, String arm, String baseline, double margin, boolean ratio, double seedsNeeded)
            implements Rule {}

    record Bound(String bed, String metric, String arm, double low, double high, double seedsNeeded) implements Rule {}

    record Trend(String bed, String metric, List<String> arms, double minSpearman) implements Rule {}

    record Exact(String metric, double tolerance) implements Rule {}

    record AnyOf(List<Rule> rules) implements Rule {}

    record Report() implements Rule {}
}
