package dev.holdfast.study;

import dev.holdfast.config.Frozen;
import java.util.Map;

/**
 * What the rules say about the rows.
 *
 * @param byCriterion outcome of each criterion by id
 * @param note what was missing, or what should be known when reading it
 */
@Frozen
public record Verdict(Outcome outcome, Map<String, Outcome> byCriterion, String note) {
    public enum Outcome {
        HOLDS,
        DOES_NOT_HOLD,
        /** Rows that a rule needs were not measured, or too few. */
        INCONCLUSIVE
    }
}
