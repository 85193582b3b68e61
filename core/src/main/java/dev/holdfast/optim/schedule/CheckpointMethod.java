package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import java.util.List;

/**
 * Ways to get a checkpoint with a decayed rate at each of several budgets, and what each costs. A {@link StableDecay} says which
 * budgets, how long falls are and where they end.
 */
public enum CheckpointMethod {
    /** One run whose rate falls before every checkpoint; it goes on from there at the full rate. */
    WSD_S("WSD-S"),
    /** A trunk whose rate never falls, with a branch that falls for every checkpoint and is thrown away after it. */
    WSD("WSD"),
    /** One run with a cosine from checkpoint to checkpoint. */
    CYCLIC_COSINE("cyclic cosine"),
    /** A run of its own for every checkpoint, with a cosine as long as the run. */
    COSINE("cosine, run by run");

    private final String label;

    CheckpointMethod(String label) {
        this.label = label;
    }

    /** Name for people. */
    public String label() {
        return label;
    }

    /** Updates that all checkpoints of the plan take together. */
    public long updates(StableDecay plan) {
        List<Long> ends = plan.ends();
        return switch (this) {
            case WSD_S, CYCLIC_COSINE -> ends.get(ends.size() - 1);
            case WSD -> plan.branchedUpdates();
            case COSINE -> ends.stream().mapToLong(Long::longValue).sum();
        };
    }

    /** The rate of the run that leads to the k-th checkpoint, from its first update on. */
    public Schedule schedule(StableDecay plan, int k) {
        return switch (this) {
            case WSD_S -> plan;
            case WSD -> plan.branch(k);
            case CYCLIC_COSINE -> new CyclicCosine(plan.warm(), plan.ends(), plan.floor());
            case COSINE -> new CyclicCosine(plan.warm(), List.of(plan.ends().get(k)), plan.floor());
        };
    }
}
