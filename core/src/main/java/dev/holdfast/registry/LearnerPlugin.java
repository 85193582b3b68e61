package dev.holdfast.registry;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Learner;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;

/** A learner that can be named. */
@Frozen
public interface LearnerPlugin<C extends Record> extends Plugin<C> {
    /** A fresh learner for rows of this schema; a pure function of its arguments. */
    Learner create(C config, Schema schema, Rng rng);

    /** The paper, e.g. {@code Buzzega et al. 2020, arXiv 2004.07211}; empty for folklore. */
    default String paper() {
        return "";
    }

    /** What the learner is in a comparison. */
    default Role role() {
        return Role.LEARNER;
    }

    /** The stream as this learner gets it; only bounds rearrange it. */
    default Scenario arrange(Scenario s) {
        return s;
    }

    /**
     * Whether the learner is made for such a stream, among those that it fits; a comparison that names no learner leaves
     * out who is made for something else (wrong labels, rows without labels).
     */
    default boolean madeFor(Scenario s) {
        return true;
    }

    /**
     * Whether a comparison that names nobody runs the learner: one or two of a family, and those that are quick. All others
     * are run by name, or with all.
     */
    default boolean shortlisted() {
        return true;
    }

    /** Whether the learner is made for labels of which some are wrong; a comparison on such rows that names nobody runs it. */
    default boolean forWrongLabels() {
        return false;
    }

    /** Whether it is worth a row of a comparison on label sets from which labels are missing, that names nobody. */
    default boolean forMissingLabels() {
        return false;
    }

    /** What a row of a comparison stands for. */
    enum Role {
        /** A contender. */
        LEARNER,
        /** The least that any learner must beat. */
        BASELINE,
        /** What is reached by keeping everything, at whatever cost. */
        BOUND
    }
}
