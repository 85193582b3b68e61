package com.example.lookback;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Plain training that looks back at one stored batch. */
public final class LookBack implements NetLearner {
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows drawn from it for every batch") int drawn) {
        public Config {
            if (capacity < 1 || drawn < 1) {
                throw new IllegalArgumentException(
                        "capacity and drawn must be >= 1 but are " + capacity + " and " + drawn + ".");
            }
        }
    }

    private final Config config;
    private final Net net;
    private final ReplayBuffer memory;

    public LookBack(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.memory = ReplayBuffer.reservoir(config.capacity, rng.child("memory"));
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        net.admit(b); // refuses rows that do not fit, gives new classes a column
        Batch both = memory.size() == 0
                ? b
                : memory.draw(config.drawn, net.draws("replay")).after(b);
        Tensor loss = net.crossEntropy(net.scores(both.inputs(), net.pass()), both);
        Step step = net.descend(loss);
        if (!step.skipped()) {
            memory.offer(b, Map.of()); // what could not be learnt must not come back
        }
        return net.report(loss, both.size(), step);
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(memory.bytes());
    }

    @Override
    public State state() {
        return new State().put("net", net).put("memory", memory);
    }

    @Override
    public void load(State saved) {
        Snapshot.loadAll(saved, Map.of("net", net, "memory", memory));
    }

    /** {@code look-back}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "look-back";
        }

        @Override
        public String summary() {
            return "learns every batch together with stored rows";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults(), 200, 16);
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("drawn", List.of(8, 16, 32)));
        }

        @Override
        public LookBack create(Config config, Schema schema, Rng rng) {
            return new LookBack(config, schema, rng);
        }
    }
}
