package dev.holdfast.run;

import dev.holdfast.config.Frozen;
import java.util.List;

/**
 * What one call of learn did.
 *
 * @param loss loss before the update; NaN when the learner has none (closed form)
 * @param rows rows or tokens used, rehearsed ones included
 * @param terms parts of the loss by name
 * @param events what happened besides (a boundary sensed, an expert added, a step skipped)
 */
@Frozen
public record StepReport(double loss, long rows, List<Term> terms, List<Event> events) {
    /** One event and its particulars. */
    public record Event(Kind kind, String what) {
        public enum Kind {
            BOUNDARY_SENSED,
            DRIFT_DETECTED,
            EXPERT_ADDED,
            PARTITION_CHANGED,
            MODEL_RESET,
            /** What was done is likely to go wrong. */
            UNSTABLE,
            STEP_SKIPPED
        }
    }

    public StepReport {
        terms = List.copyOf(terms);
        events = List.copyOf(events);
    }

    public StepReport(double loss, long rows, Term... terms) {
        this(loss, rows, List.of(terms), List.of());
    }

    /** This report with one more event. */
    public StepReport with(Event e) {
        List<Event> all = new java.util.ArrayList<>(events);
        all.add(e);
        return new StepReport(loss, rows, terms, all);
    }
}
