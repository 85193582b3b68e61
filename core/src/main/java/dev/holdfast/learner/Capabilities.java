package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import java.util.EnumSet;
import java.util.Set;

/** What a learner needs and can do. */
@Frozen
public record Capabilities(Set<Trait> traits) {
    public enum Trait {
        /** Needs begin and end. */
        NEEDS_BOUNDARIES,
        /**
         * Trains its base on the first part: that part must be announced and, when it ends, its rows are read again. Of
         * later parts it needs neither.
         */
        NEEDS_BASE,
        /** Predicts only with the task id. */
        NEEDS_TASK_ID,
        /** Reads an experience's rows again in end, so it does not fit one-pass streams. */
        REREADS,
        /** Learns only in end: predictions do not move between boundaries. */
        LEARNS_AT_END,
        /** Made for one pass; more passes teach it nothing or harm. */
        ONE_PASS,
        /** Keeps raw rows of the stream. */
        STORES_EXAMPLES,
        /** Memory does not grow with the number of rows. */
        BOUNDED_MEMORY,
        /** Learns from unlabelled rows. */
        UNLABELLED,
        /** Learns label sets. */
        MULTI_LABEL,
        /** Learns labels at several levels of a hierarchy. */
        HIERARCHICAL,
        /** Learns real values. */
        REGRESSION
    }

    public Capabilities {
        traits = traits.isEmpty() ? Set.of() : java.util.Collections.unmodifiableSet(EnumSet.copyOf(traits));
    }

    public static Capabilities of(Trait... traits) {
        return new Capabilities(Set.of(traits));
    }

    public boolean has(Trait t) {
        return traits.contains(t);
    }
}
