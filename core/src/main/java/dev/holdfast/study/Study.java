package dev.holdfast.study;

import dev.holdfast.config.Frozen;
import java.util.List;

/** A paper's claim, re-run at a scale that two CPU cores can hold; found by {@link java.util.ServiceLoader}. */
@Frozen
public interface Study {
    Paper paper();

    /** The claim in one sentence, with the paper's own figures. */
    String claim();

    /** What must hold and what is only reported, stated before the run. */
    List<Criterion> criteria();

    /** What was changed after numbers had been seen, and what a reader should know besides; empty if there is nothing. */
    default String remarks() {
        return "";
    }

    /** Runs arms and baselines and returns every number that was measured; judges nothing. */
    Findings run(StudyContext c);
}
