package dev.holdfast.study;

import java.util.Map;

public record Verdict(Outcome outcome, Map<String, Outcome> byCriterion, String note) {
    public enum Outcome {
        HOLDS,
        DOES_NOT_HOLD,
        INCONCLUSIVE
    }
}
