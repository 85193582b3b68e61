package dev.holdfast.study;

import dev.holdfast.config.Frozen;
import java.util.List;

/**
 * A rule as data, so that it can be printed before the run.
 *
 * <p>{@code seedsNeeded} is the share of seeds in which a rule must hold; 1 = it must hold for the mean over seeds.
 */
@Frozen
public sealed interface Rule {
    /** arm - baseline >= margin, or arm / baseline >= margin, paired over seeds. */
    record Paired(
            String bed, String metric, String arm, String baseline, double margin, boolean ratio, double seedsNeeded)
            implements Rule {}

    /** low <= arm <= high. */
    record Bound(String bed, String metric, String arm, double low, double high, double seedsNeeded) implements Rule {}

    /** The metric's means over seeds rise with the order of the arms: Spearman's correlation at least so high. */
    record Trend(String bed, String metric, List<String> arms, double minSpearman) implements Rule {}

    /** Every value of the metric is within the tolerance of 0. */
    record Exact(String metric, double tolerance) implements Rule {}

    /** One of them holds. */
    record AnyOf(List<Rule> rules) implements Rule {}

    /** Nothing is judged. */
    record Report() implements Rule {}
}
