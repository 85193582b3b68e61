package dev.holdfast.search;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.ScenarioPlugin;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.Map;

/** A scenario and the rows that it is laid over; a seed fixes the order of classes and rows. */
public record Bed<S extends Record>(ScenarioPlugin<S> plugin, S config, Dataset train, Dataset test) {
    /** The stream of a seed, with options of the scenario on top. */
    Scenario lay(Map<String, String> options, long seed, double share) {
        S set = options.isEmpty() ? config : ConfigBinder.set(config, options);
        return plugin.create(
                set, share < 1 ? part(share) : train, test, Rng.of(seed).child("scenario"));
    }

    /** So much of every class's training rows. */
    private Dataset part(double share) {
        return train.subset(Splits.sample(
                train.classIds(),
                Math.max(1, Math.round(share * train.size())),
                Rng.of(0).child("share")));
    }

    /** What a finished run can be recognised by. */
    String describe(Map<String, String> options) {
        return plugin.name() + " "
                + ConfigBinder.json(options.isEmpty() ? config : ConfigBinder.set(config, options)) + " "
                + train.fingerprint() + " " + test.fingerprint();
    }
}
