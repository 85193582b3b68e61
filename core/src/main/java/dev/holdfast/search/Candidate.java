package dev.holdfast.search;

import dev.holdfast.evaluate.Trial;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Scenario;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * A learner that is tuned.
 *
 * @param name what it is called in the report; distinct, so that one learner can run in several forms
 * @param base its configuration where the space says nothing
 */
public record Candidate<C extends Record>(String name, LearnerPlugin<C> plugin, C base, SearchSpace space) {
    /** A learner under its own name, with its defaults and the space that it declares. */
    public static <C extends Record> Candidate<C> of(LearnerPlugin<C> plugin) {
        return new Candidate<>(plugin.name(), plugin, plugin.defaults(), SearchSpace.of(plugin));
    }

    /** The configuration with a setting's learner options on top. */
    public C configured(Map<String, String> setting) {
        Map<String, String> own = SearchSpace.ofLearner(setting);
        return own.isEmpty() ? base : ConfigBinder.set(base, own);
    }

    Trial.Result run(Map<String, String> setting, Scenario s, long seed, BooleanSupplier cancelled) {
        return Trial.run(
                plugin, configured(setting), s, seed, new Trial.Options(0, 1), cancelled, (steps, planned) -> {});
    }
}
