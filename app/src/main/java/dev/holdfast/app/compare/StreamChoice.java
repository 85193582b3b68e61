package dev.holdfast.app.compare;

import dev.holdfast.data.Dataset;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.Registry;
import dev.holdfast.registry.ScenarioPlugin;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.search.Bed;
import dev.holdfast.tensor.Rng;
import java.util.Map;
import java.util.stream.Collectors;

/** A scenario with its configuration, ready to be laid out for data and a seed. */
record StreamChoice<C extends Record>(ScenarioPlugin<C> plugin, C config) {
    /** @param epochs passes where none were given and the stream is not online */
    static StreamChoice<?> of(Registry registry, String name, Settings settings, int epochs) {
        return of(registry.scenario(name), settings, epochs);
    }

    private static <C extends Record> StreamChoice<C> of(ScenarioPlugin<C> plugin, Settings settings, int epochs) {
        C base = plugin.defaults();
        Map<String, String> preset = ConfigBinder.options(base).stream()
                .collect(Collectors.toMap(ConfigBinder.Option::name, ConfigBinder.Option::value));
        if (preset.containsKey("epochs")) {
            boolean online = Boolean.parseBoolean(
                    settings.given(Settings.SCENARIO, "online").orElse(preset.get("online")));
            base = ConfigBinder.set(base, Map.of("epochs", Integer.toString(online ? 1 : epochs)));
        }
        return new StreamChoice<>(plugin, settings.bind(Settings.SCENARIO, base));
    }

    /** The same with some options set anew. */
    StreamChoice<C> with(Map<String, String> options) {
        return options.isEmpty() ? this : new StreamChoice<>(plugin, ConfigBinder.set(config, options));
    }

    /** These rows, to be dealt so. */
    Bed<C> bed(Dataset train, Dataset test) {
        return new Bed<>(plugin, config, train, test);
    }

    Scenario lay(Dataset train, Dataset test, long seed) {
        return plugin.create(config, train, test, Rng.of(seed).child("scenario"));
    }
}
