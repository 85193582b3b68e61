package dev.holdfast.registry;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Dataset;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;

/** A scenario that can be named. */
@Frozen
public interface ScenarioPlugin<C extends Record> extends Plugin<C> {
    /**
     * Whether the scenario wants all rows as training rows in the order of their file, and no test rows: it tests each
     * row before it is learnt.
     */
    default boolean inOrder() {
        return false;
    }

    /** Lays the stream out; a pure function of its arguments. */
    Scenario create(C config, Dataset train, Dataset test, Rng rng);
}
