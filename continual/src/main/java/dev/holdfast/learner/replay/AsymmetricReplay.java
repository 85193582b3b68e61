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
import dev.holdfast.loss.LossInput;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;

/**
 * ER-ACE: experience replay in which new classes do not push old ones away. The cross entropy of arriving rows runs over
 * the classes of their batch, and over classes of which no row was ever seen, so that it leaves the scores of old classes
 * alone; that of drawn rows runs over all classes (eq. 4). The loss is the sum of the two means.
 *
 * <p>Caccia, Aljundi, Asadi, Tuytelaars, Pineau, Belilovsky, <i>New Insights on Reducing Abrupt Representation Change in
 * Online Continual Learning</i>, arXiv 2104.05025.
 */
public final class AsymmetricReplay implements NetLearner {
    /** From when on old classes are left alone and rows are drawn. */
    public enum Start {
        /** Always; the stream need not say where parts begin. */
        FIRST_BATCH,
        /** From the second part on, as in the authors' code: the first is plain training. */
        SECOND_PART
    }

    /**
     * @param capacity rows in the memory
     * @param replayBatch rows drawn for each batch of the stream
     * @param store which rows a full memory keeps
     * @param start from when on the method acts
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows drawn for each batch of the stream") int replayBatch,
            @Doc("which rows a full memory keeps") Store store,
            @Doc("from when on old classes are left alone and rows are drawn") Start start) {
        public Config {
            Replays.check(capacity, replayBatch);
            Replays.checkOnline(store);
        }
    }

    private final Config config;
    private final Net net;
    private final ReplayBuffer memory;

    /** Columns of classes that arrived. */
    private final TreeSet<Integer> seen = new TreeSet<>();

    private long parts;

    public AsymmetricReplay(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.memory = config.store.buffer(config.capacity, rng.child("memory"));
    }

    @Override
    public Capabilities capabilities() {
        Set<Trait> traits = EnumSet.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
        if (config.start == Start.SECOND_PART) {
            traits.add(Trait.NEEDS_BOUNDARIES);
        }
        return new Capabilities(traits);
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        net.admit(b);
        boolean acts = config.start == Start.FIRST_BATCH || parts > 0;
        Pass pass = net.pass();
        LossInput in = net.lossInput(net.scores(b.inputs(), pass), b);
        Tensor stream = crossEntropy(in, acts ? ofTheBatch(b) : null);

        Drawn past = memory.draw(acts ? config.replayBatch : 0, net.draws("replay"));
        Tensor remembered =
                past.isEmpty() ? null : net.crossEntropy(net.scores(past.batch().inputs(), pass), past.batch());
        Tensor loss = past.isEmpty() ? stream : stream.add(remembered);
        Step step = net.descend(loss);
        // what could not be learnt must not come back
        if (!step.skipped()) {
            for (int c : net.columns().columnsOf(b.classIds())) {
                seen.add(c);
            }
            memory.offer(b, Map.of());
        }
        StepReport r = net.report(loss, b.size() + past.slots().length, step);
        return new StepReport(
                r.loss(),
                r.rows(),
                List.of(
                        new Term("stream", stream.item_double()),
                        new Term("memory", past.isEmpty() ? 0 : remembered.item_double())),
                r.events());
    }

    /** Which columns arriving rows compete over: those of their classes, and those that no row was seen of. */
    private boolean[] ofTheBatch(Batch b) {
        boolean[] among = new boolean[net.columns().size()];
        for (int c = 0; c < among.length; c++) {
            among[c] = !seen.contains(c);
        }
        for (int c : net.columns().columnsOf(b.classIds())) {
            among[c] = true;
        }
        return among;
    }

    /** Mean cross entropy over some columns, or over all where {@code among} is null. */
    static Tensor crossEntropy(LossInput in, boolean[] among) {
        LossInput masked =
                new LossInput(in.scores(), in.target(), in.rows(), in.columns(), in.side(), in.training(), among);
        return new CrossEntropy().value(masked).total(in.rows().weights());
    }

    @Override
    public void end(Experience e) {
        parts++;
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
        return new State()
                .put("net", net)
                .put("memory", memory)
                .put("parts", parts)
                .put("seen", Replays.columns(seen));
    }

    @Override
    public void load(State saved) {
        long newParts = Replays.savedCount(saved, "parts");
        List<Integer> newSeen = Replays.savedColumns(saved, "seen");
        Snapshot.loadAll(saved, Map.of("net", net, "memory", memory));
        parts = newParts;
        seen.clear();
        seen.addAll(newSeen);
    }

    /** {@code er-ace}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "er-ace";
        }

        @Override
        public String summary() {
            return "experience replay in which arriving rows leave the scores of old classes alone";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Caccia et al. 2022, arXiv 2104.05025";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults(), 200, 16, Store.RESERVOIR, Start.FIRST_BATCH);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("replayBatch", List.of(16, 32, 64)));
        }

        @Override
        public AsymmetricReplay create(Config config, Schema schema, Rng rng) {
            return new AsymmetricReplay(config, schema, rng);
        }
    }
}
