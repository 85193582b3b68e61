package dev.holdfast.registry;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Dataset;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.ContinualPretraining;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;

/** {@code continual-pretraining}. */
public final class PretrainingPlugin implements ScenarioPlugin<PretrainingPlugin.Config> {
    /** How upstream classes and downstream tasks are dealt. */
    public record Config(
            @Doc("parts of the upstream data, and downstream tasks") int stages,
            @Doc("classes of the upstream data; 0 = half of all") int upstream,
            @Doc("in which order classes arrive") ClassIncremental.Order order,
            @Doc("passes over each part; 1 when online") int epochs,
            @Doc("rows a batch") int batchSize,
            @Doc("rows pass by once and cannot be read again") boolean online,
            @Doc("whether learners are told where parts begin and end") boolean boundaries) {}

    @Override
    public String name() {
        return "continual-pretraining";
    }

    @Override
    public String summary() {
        return "classes arrive in stages; scored is what linear probes on the features make of other classes";
    }

    @Override
    public String system() {
        return "19-cl-survey";
    }

    @Override
    public Config defaults() {
        return new Config(2, 0, ClassIncremental.Order.SEEDED, 3, 16, false, true);
    }

    @Override
    public Scenario create(Config c, Dataset train, Dataset test, Rng rng) {
        Dealing dealing = new Dealing(c.epochs, c.batchSize, c.online, c.boundaries);
        return ContinualPretraining.of(
                new ContinualPretraining.Config(c.stages, c.upstream, c.order, dealing), train, test, rng);
    }
}
