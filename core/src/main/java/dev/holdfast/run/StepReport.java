package dev.holdfast.run;

import java.util.List;

/** loss before the update; rows or tokens used; events: BOUNDARY_SENSED, EXPERT_ADDED, PARTITION_CHANGED, MODEL_RESET, STEP_SKIPPED. */
public record StepReport(double loss, long rows, List<Term> terms, List<Event> events) {
    public record Event(String kind, String what) {}
}
