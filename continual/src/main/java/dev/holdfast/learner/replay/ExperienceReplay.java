package dev.holdfast.learner.replay;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Experience replay: every batch of the stream is learnt together with a batch drawn from a memory of earlier rows.
 *
 * <p>Chaudhry et al., <i>On Tiny Episodic Memories in Continual Learning</i>, arXiv 1902.10486, algorithm 1: one cross
 * entropy over both, rows stored as they arrive. De Lange et al., arXiv 2205.13452: a * mean over the new rows + (1 - a) *
 * mean over the drawn ones, rows stored when their part is over ({@link Config#mixed}).
 */
public final class ExperienceReplay implements NetLearner, SplitsGradient {
    /** How new and drawn rows weigh. */
    public enum Mix {
        /** One mean over all rows: each weighs the same. */
        ONE_MEAN,
        /** newShare * mean over new rows + (1 - newShare) * mean over drawn rows; the factor also acts while none is drawn. */
        TWO_MEANS
    }

    /** When rows are offered to the memory. */
    public enum Fill {
        /** Every batch after its step. */
        EACH_BATCH,
        /** All rows of a part when it ends, once each and in their order, so only finished parts are rehearsed. */
        PART_END
    }

    /**
     * @param capacity rows in the memory
     * @param replayBatch rows drawn for each batch of the stream, fewer while fewer are stored; 0 = as many as the batch has
     * @param store which rows a full memory keeps
     * @param mix how new and drawn rows weigh
     * @param newShare a of TWO_MEANS, in [0, 1]; 1 = fine-tuning
     * @param fill when rows are offered to the memory
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows drawn for each batch of the stream; 0 = as many as it has") int replayBatch,
            @Doc("which rows a full memory keeps") Store store,
            @Doc("how new and drawn rows weigh") Mix mix,
            @Doc("weight of the new rows' mean with TWO_MEANS; 1 = fine-tuning") double newShare,
            @Doc("when rows are offered to the memory") Fill fill) {
        public Config {
            Replays.check(capacity, replayBatch == 0 ? 1 : replayBatch);
            if (!(newShare >= 0 && newShare <= 1)) {
                throw new IllegalArgumentException("newShare must be in [0, 1] but is " + newShare + ".");
            }
            if (store == Store.HERDING && fill != Fill.PART_END) {
                throw new IllegalArgumentException(
                        "store=HERDING chooses among all rows of a finished part, so it needs"
                                + " fill=PART_END but has fill=" + fill + ".");
            }
        }

        /** One mean over new and drawn rows, stored as they arrive. */
        public static Config of(NetConfig net, int capacity, int replayBatch, Store store) {
            return new Config(net, capacity, replayBatch, store, Mix.ONE_MEAN, 0.5, Fill.EACH_BATCH);
        }

        /** As De Lange et al. have it: two means, as many rows drawn as arrive, a class-balanced memory of finished parts. */
        public static Config mixed(NetConfig net, int capacity, double newShare) {
            return new Config(net, capacity, 0, Store.CLASS_BALANCED, Mix.TWO_MEANS, newShare, Fill.PART_END);
        }
    }

    private static final int CHUNK = 1000;

    private final Config config;
    private final Net net;
    private ReplayBuffer memory;

    public ExperienceReplay(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.memory = config.store.buffer(config.capacity, rng.child("memory"));
    }

    @Override
    public Capabilities capabilities() {
        Set<Trait> traits = EnumSet.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
        if (config.fill == Fill.PART_END) {
            traits.addAll(Set.of(Trait.NEEDS_BOUNDARIES, Trait.REREADS));
        }
        return new Capabilities(traits);
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        net.admit(b);
        Drawn past = draw(b, net);
        Batch both = past.after(b);
        Tensor scores = net.scores(both.inputs(), net.pass());
        Tensor loss;
        List<Term> terms = List.of();
        if (config.mix == Mix.ONE_MEAN) {
            loss = net.crossEntropy(scores, both);
        } else {
            Tensor[] parts = parts(scores, b, past, net);
            loss = parts[1] == null ? parts[0] : parts[0].add(parts[1]);
            terms = List.of(
                    new Term("new", parts[0].item_double()),
                    new Term("past", parts[1] == null ? 0 : parts[1].item_double()));
        }
        Step step = net.descend(loss);
        // what could not be learnt must not come back
        if (config.fill == Fill.EACH_BATCH && !step.skipped()) {
            memory.offer(b, Map.of());
        }
        StepReport r = net.report(loss, both.size(), step);
        return new StepReport(r.loss(), r.rows(), terms, r.events());
    }

    private Drawn draw(Batch b, Net now) {
        // with all the weight on new rows nothing is drawn, so that the step is fine-tuning's to the bit
        boolean none = config.mix == Mix.TWO_MEANS && config.newShare == 1;
        int n = config.replayBatch == 0 ? b.size() : config.replayBatch;
        return memory.draw(none ? 0 : n, now.draws("replay"));
    }

    /** The loss of the new rows and that of the drawn ones, each with its factor; null where none were drawn. */
    private Tensor[] parts(Tensor scores, Batch b, Drawn past, Net now) {
        boolean one = config.mix == Mix.ONE_MEAN;
        int n = b.size();
        int all = n + past.slots().length;
        double share = one ? n / (double) all : config.newShare;
        Tensor fresh = past.isEmpty() ? scores : Tensors.slice(scores, 0, 0, n);
        Tensor loss = now.crossEntropy(fresh, one && !past.isEmpty() ? unweighted(b) : b)
                .mul(Tensors.scalar(share));
        if (past.isEmpty()) {
            return new Tensor[] {loss, null};
        }
        Tensor remembered = now.crossEntropy(Tensors.slice(scores, 0, n, all), past.batch());
        return new Tensor[] {loss, remembered.mul(Tensors.scalar(1 - share))};
    }

    /** In one mean with rows that were stored without weights all rows weigh alike. */
    private static Batch unweighted(Batch b) {
        return new Batch(b.inputs(), b.target(), Rows.of(b.rows().ids()));
    }

    @Override
    public Split split(Batch b) {
        memory.requireFits(b);
        Net ahead = net.ahead(b);
        Drawn past = draw(b, ahead);
        Tensor scores = ahead.scores(past.after(b).inputs(), ahead.peek());
        Tensor[] parts = parts(scores, b, past, ahead);
        ParamVector g = Autograd.grad(parts[0], ahead.parameters(), false, true);
        return parts[1] == null
                ? Split.plastic(g, Stability.REPLAY)
                : new Split(g, Autograd.grad(parts[1], ahead.parameters(), false), Stability.REPLAY);
    }

    @Override
    public void end(Experience e) {
        if (config.fill == Fill.EACH_BATCH) {
            return;
        }
        if (config.store == Store.HERDING) {
            memory = Exemplars.renewed(memory, e.train(), e.task(), net);
            return;
        }
        Loader rows = e.train().batches(Pace.inOrder(CHUNK), Rng.of(0));
        while (rows.hasNext()) {
            try (Scope s = Scope.open()) {
                memory.offer(rows.next().withTask(e.task()), Map.of());
            }
        }
        rows.close();
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
            return Config.of(NetConfig.defaults(), 200, 16, Store.RESERVOIR);
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
