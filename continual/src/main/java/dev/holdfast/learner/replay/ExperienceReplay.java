package dev.holdfast.learner.replay;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.memory.Drawn;
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

/**
 * Experience replay: every batch of the stream is learnt together with a batch drawn from a memory of earlier rows, one
 * cross entropy over both.
 *
 * <p>Chaudhry et al., <i>On Tiny Episodic Memories in Continual Learning</i>, arXiv 1902.10486, algorithm 1.
 */
public final class ExperienceReplay implements NetLearner {
    /**
     * @param capacity rows in the memory
     * @param replayBatch rows drawn for each batch of the stream; fewer while fewer are stored
     * @param store which rows a full memory keeps
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows drawn for each batch of the stream") int replayBatch,
            @Doc("which rows a full memory keeps") Store store) {
        public Config {
            Replays.check(capacity, replayBatch);
        }
    }

    private final Config config;
    private final Net net;
    private final ReplayBuffer memory;

    public ExperienceReplay(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.memory = config.store.buffer(config.capacity, rng.child("memory"));
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        net.admit(b);
        Drawn past = memory.draw(config.replayBatch, net.draws("replay"));
        Batch both = past.after(b);
        Tensor loss = net.crossEntropy(net.scores(both.inputs(), net.pass()), both);
        Step step = net.descend(loss);
        // what could not be learnt must not come back
        if (!step.skipped()) {
            memory.offer(b, Map.of());
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

    /** {@code er}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "er";
        }

        @Override
        public String summary() {
            return "experience replay: learns every batch together with rows from a small memory";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Chaudhry et al. 2019, arXiv 1902.10486";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults(), 200, 16, Store.RESERVOIR);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("replayBatch", List.of(16, 32, 64)));
        }

        @Override
        public ExperienceReplay create(Config config, Schema schema, Rng rng) {
            return new ExperienceReplay(config, schema, rng);
        }
    }
}
