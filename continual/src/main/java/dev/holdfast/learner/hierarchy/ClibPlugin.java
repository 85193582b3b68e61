package dev.holdfast.learner.hierarchy;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.List;

/** {@code clib}. */
public final class ClibPlugin implements LearnerPlugin<FlexibleReplay.Config> {
    @Override
    public String name() {
        return "clib";
    }

    @Override
    public String summary() {
        return "trains from a memory alone, which keeps the rows whose rehearsal helps the others";
    }

    @Override
    public String system() {
        return "50-hle";
    }

    @Override
    public String paper() {
        return "Koh et al. 2022, arXiv 2110.10031";
    }

    @Override
    public FlexibleReplay.Config defaults() {
        return FlexibleReplay.Config.clib(NetConfig.defaults(), 200);
    }

    @Override
    public List<Axis> space() {
        return List.of(new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)));
    }

    @Override
    public boolean madeFor(Scenario s) {
        return PlFmsPlugin.online(s);
    }

    @Override
    public FlexibleReplay create(FlexibleReplay.Config config, Schema schema, Rng rng) {
        return new FlexibleReplay(config, schema, rng);
    }
}
