package dev.holdfast.registry;

import dev.holdfast.data.Dataset;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;

/** A scenario that can be named. */
public interface ScenarioPlugin<C extends Record> extends Plugin<C> {
    /** Lays the stream out; a pure function of its arguments. */
    Scenario create(C config, Dataset train, Dataset test, Rng rng);
}
