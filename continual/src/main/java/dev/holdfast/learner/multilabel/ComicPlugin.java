package dev.holdfast.learner.multilabel;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code comic}. */
public final class ComicPlugin implements LearnerPlugin<ComicConfig> {
    @Override
    public String name() {
        return "comic";
    }

    @Override
    public String summary() {
        return "label sets with missing and rare labels: three networks, recalls missing labels and lists them";
    }

    /** Missing labels, which no stream tells of. */
    @Override
    public boolean madeFor(Scenario s) {
        return false;
    }

    @Override
    public boolean forMissingLabels() {
        return true;
    }

    @Override
    public String system() {
        return "07-comic";
    }

    @Override
    public String paper() {
        return "Zhang et al. 2023, arXiv 2304.10539";
    }

    @Override
    public ComicConfig defaults() {
        return ComicConfig.of(NetConfig.defaults());
    }

    @Override
    public Map<String, ComicConfig> presets() {
        ComicConfig c = defaults();
        Map<String, ComicConfig> presets = new LinkedHashMap<>();
        presets.put("released", c.with(ComicConfig.Variant.RELEASED));
        presets.put("single", c.with(true, true, false));
        return presets;
    }

    @Override
    public List<Axis> space() {
        return List.of(
                new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                new Axis("corrector.tau", List.of(0.6, 0.7, 0.8)));
    }

    @Override
    public Comic create(ComicConfig config, Schema schema, Rng rng) {
        return new Comic(config, schema, rng);
    }
}
