package dev.holdfast.learner;

import java.util.Set;

public record Capabilities(Set<Trait> traits) {
    public enum Trait {
        NEEDS_BOUNDARIES,
        NEEDS_TASK_ID,
        REREADS,
        LEARNS_AT_END,
        ONE_PASS,
        STORES_EXAMPLES,
        BOUNDED_MEMORY,
        UNLABELLED,
        MULTI_LABEL,
        HIERARCHICAL,
        REGRESSION
    }
}
