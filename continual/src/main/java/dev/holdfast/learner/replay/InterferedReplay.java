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
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * ER-MIR: experience replay that rehearses what the coming step would harm most. Of {@code candidates} rows drawn from
 * memory those are learnt with the batch whose loss rises most if the network took a step on the batch alone: l(theta') -
 * l(theta), theta' = theta after that virtual step (criterion MI-1).
 *
 * <p>The virtual step is the one that the optimizer would take now, moments included; with plain SGD it is the paper's. It
 * leaves no trace. The new rows and the chosen ones share one mean, so with as many candidates as are chosen this is plain
 * experience replay.
 *
 * <p>Aljundi et al., <i>Online Continual Learning with Maximally Interfered Retrieval</i>, arXiv 1908.04742, algorithm 1.
 */
public final class InterferedReplay implements NetLearner {
    /**
     * @param capacity rows in the memory
     * @param candidates rows drawn to choose from, >= replayBatch
     * @param replayBatch rows chosen for each batch of the stream
     * @param store which rows a full memory keeps
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows drawn to choose from") int candidates,
            @Doc("rows chosen for each batch of the stream") int replayBatch,
            @Doc("which rows a full memory keeps") Store store) {
        public Config {
            Replays.check(capacity, replayBatch);
            Replays.checkOnline(store);
            if (candidates < replayBatch) {
                throw new IllegalArgumentException("Of " + candidates + " candidates " + replayBatch
                        + " rows cannot be chosen; expected candidates >= replayBatch.");
            }
        }
    }

    private final Config config;
    private final Net net;
    private final ReplayBuffer memory;

    public InterferedReplay(Config config, Schema schema, Rng rng) {
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
        Drawn drawn = memory.draw(config.candidates, net.draws("replay"));
        double[] rise = drawn.slots().length <= config.replayBatch ? null : interference(b, drawn.batch());
        Drawn past = rise == null
                ? drawn
                : memory.at(Arrays.stream(most(rise, config.replayBatch))
                        .map(i -> drawn.slots()[i])
                        .toArray());
        Batch both = past.after(b);
        Tensor loss = net.crossEntropy(net.scores(both.inputs(), net.pass()), both);
        Step step = net.descend(loss);
        // what could not be learnt must not come back
        if (!step.skipped()) {
            memory.offer(b, Map.of());
        }
        StepReport r = net.report(loss, both.size(), step);
        List<Term> terms = rise == null
                ? List.of()
                : List.of(new Term("rise", Arrays.stream(rise).average().orElseThrow()));
        return new StepReport(r.loss(), r.rows(), terms, r.events());
    }

    /** By how much the loss of each candidate rises if a step on the batch is taken; takes none. */
    private double[] interference(Batch b, Batch candidates) {
        Tensor loss = net.crossEntropy(net.scores(b.inputs(), net.peek()), b);
        ParamVector move = net.optimizer().peek(Autograd.grad(loss, net.parameters(), false));
        double[] before = losses(candidates);
        // in between predictions, because the leaves themselves stand elsewhere meanwhile
        double[] after = net.change(() -> {
            try (var virtual = net.parameters().perturbed(move)) {
                return losses(candidates);
            }
        });
        return IntStream.range(0, after.length)
                .mapToDouble(i -> after[i] - before[i])
                .toArray();
    }

    private double[] losses(Batch rows) {
        try (var mode = Autograd.noGrad()) {
            return Tensors.doubles(new CrossEntropy()
                    .value(net.lossInput(net.scores(rows.inputs(), net.peek()), rows))
                    .perSample());
        }
    }

    /** The positions of the n largest, in ascending order; of equal ones, and of those that are no number, the first. */
    static int[] most(double[] rise, int n) {
        return IntStream.range(0, rise.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> Double.isNaN(rise[i]) ? 0 : -rise[i]))
                .limit(n)
                .mapToInt(Integer::intValue)
                .sorted()
                .toArray();
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

    /** {@code mir}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "mir";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "experience replay of the stored rows that the coming step would harm most";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Aljundi et al. 2019, arXiv 1908.04742";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults(), 200, 50, 16, Store.RESERVOIR);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("candidates", List.of(30, 50, 100)));
        }

        @Override
        public InterferedReplay create(Config config, Schema schema, Rng rng) {
            return new InterferedReplay(config, schema, rng);
        }
    }
}
