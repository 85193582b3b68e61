package dev.holdfast.learner.hierarchy;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.memory.ImportanceMemory;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** {@code pl-fms}. */
public final class PlFmsPlugin implements LearnerPlugin<FlexibleReplay.Config> {
    @Override
    public String name() {
        return "pl-fms";
    }

    @Override
    public String summary() {
        return "replay for labels that get finer: new classes enter slowly, and the memory gives up what another level covers";
    }

    @Override
    public String system() {
        return "50-hle";
    }

    @Override
    public String paper() {
        return "Lee et al. 2023, arXiv 2308.14374";
    }

    @Override
    public FlexibleReplay.Config defaults() {
        return FlexibleReplay.Config.plFms(NetConfig.defaults(), 200);
    }

    @Override
    public Map<String, FlexibleReplay.Config> presets() {
        FlexibleReplay.Config c = defaults();
        return new TreeMap<>(Map.of(
                "fms-only",
                c.withImportance(ImportanceMemory.Config.flat()),
                "pl-only",
                c.withStream(FlexibleReplay.StreamRows.ALL),
                "plain-replay",
                FlexibleReplay.Config.plain(c.net(), c.capacity())));
    }

    @Override
    public List<Axis> space() {
        return List.of(new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)), new Axis("horizon", List.of(1, 2)));
    }

    @Override
    public boolean madeFor(Scenario s) {
        return online(s);
    }

    /** Streams that pass by once, or whose labels are at several levels. */
    static boolean online(Scenario s) {
        return s.schema().tree().isPresent()
                || s.experiences().stream().anyMatch(e -> !e.train().rereadable());
    }

    @Override
    public FlexibleReplay create(FlexibleReplay.Config config, Schema schema, Rng rng) {
        return new FlexibleReplay(config, schema, rng);
    }
}
