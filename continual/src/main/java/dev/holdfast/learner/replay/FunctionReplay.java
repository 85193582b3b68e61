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
import dev.holdfast.memory.DrawPolicy;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.FirstRows;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Function distance regularisation: on stored rows the network's probabilities are held to those that it gave when their
 * part ended: alpha * mean over drawn rows of ||softmax(z) - softmax(z_stored)||_2.
 *
 * <p>Of every part a uniform sample is stored, an equal number for each; earlier parts give way. The logits are those of
 * the network at the end of the part, in evaluation mode, as in the code of the DER paper (arXiv 2004.07211). A class
 * that had no column then has probability 0 in them.
 *
 * <p>Benjamin, Rolnick, Kording, <i>Measuring and Regularizing Networks in Function Space</i>, arXiv 1805.08289.
 */
public final class FunctionReplay implements NetLearner {
    private static final String LOGITS = "logits";

    /** How new rows and stored ones take turns. */
    public enum Turns {
        /** A step on the batch, then one on a draw from memory. */
        ALTERNATE,
        /** One step down the sum. */
        TOGETHER
    }

    /**
     * @param capacity rows of finished parts in the memory
     * @param replayBatch rows drawn for each batch of the stream
     * @param alpha weight of the distance, >= 0
     * @param turns how new rows and stored ones take turns
     */
    public record Config(
            NetConfig net,
            @Doc("rows of finished parts in the memory") int capacity,
            @Doc("rows drawn for each batch of the stream") int replayBatch,
            @Doc("weight of the distance to the stored probabilities") double alpha,
            @Doc("a step on new rows and then one on stored ones, or one down the sum") Turns turns) {
        public Config {
            Replays.check(capacity, replayBatch);
            Replays.checkWeight("alpha", alpha);
        }
    }

    private final Config config;
    private final Rng rng;
    private final Net net;

    /** Rows of finished parts with their logits, the newest part last. */
    private ReplayBuffer memory;

    /** A uniform sample of this part. */
    private ReplayBuffer current;

    private int parts;

    public FunctionReplay(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.rng = rng;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.memory = stored(0);
        this.current = sample(0);
    }

    private ReplayBuffer stored(int part) {
        return new ReplayBuffer(
                config.capacity, new FirstRows(config.capacity), DrawPolicy.uniform(), rng.child("memory", part));
    }

    private ReplayBuffer sample(int part) {
        return ReplayBuffer.reservoir(share(part + 1), rng.child("current", part));
    }

    /** Rows of each of so many parts. */
    private int share(int of) {
        return Math.max(1, config.capacity / of);
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        current.requireFits(b);
        net.admit(b);
        Pass pass = net.pass();
        Tensor stream = net.crossEntropy(net.scores(b.inputs(), pass), b);
        Tensor loss = stream;
        boolean holds = config.alpha > 0 && memory.size() > 0;
        Drawn past = memory.draw(holds ? config.replayBatch : 0, net.draws("replay"));
        Tensor held = null;
        if (holds && config.turns == Turns.TOGETHER) {
            held = held(past, pass);
            loss = stream.add(held);
        }
        Step step = net.descend(loss);
        if (holds && config.turns == Turns.ALTERNATE && !step.skipped()) {
            held = held(past, net.pass());
            net.descend(held);
        }
        // what could not be learnt must not come back
        if (b.rows().epoch() == 0 && !step.skipped()) {
            current.offer(b, Map.of());
        }
        StepReport r = net.report(loss, b.size() + past.slots().length, step);
        return new StepReport(
                r.loss(), r.rows(), List.of(new Term("distance", held == null ? 0 : held.item_double())), r.events());
    }

    private Tensor held(Drawn past, Pass pass) {
        Tensor now = net.scores(past.batch().inputs(), pass);
        return distance(now, past.extras().get(LOGITS)).mul(Tensors.scalar(config.alpha));
    }

    /**
     * Mean over rows of ||softmax(now) - softmax(stored)||_2; its gradient where both are equal is 0.
     *
     * @param stored logits [n, c] with c <= C; NaN where a column did not exist
     */
    static Tensor distance(Tensor now, Tensor stored) {
        long missing = now.size(1) - stored.size(1);
        Tensor then = stored.masked_fill(stored.isnan(), Tensors.scalar(Double.NEGATIVE_INFINITY))
                .softmax(1);
        Tensor p = missing == 0 ? then : Tensors.cat(1, then, Tensors.zerosLike(then, then.size(0), missing));
        return now.softmax(1)
                .sub(p)
                .norm(new ScalarOptional(new Scalar(2.0)), 1)
                .mean();
    }

    /** Stores an equal number of rows of every part: the first of those stored so far, and the sample of this one. */
    @Override
    public void end(Experience e) {
        if (current.size() == 0) {
            return;
        }
        int n = share(parts + 1);
        ReplayBuffer next = stored(parts + 1);
        try (Scope s = Scope.open()) {
            // with more parts than rows the oldest lose theirs
            int from = Math.max(0, parts + 1 - config.capacity);
            for (int part = from; part < parts; part++) {
                int[] slots = memory.slotsOfTask(part);
                if (slots.length > 0) {
                    Drawn some = memory.at(Arrays.copyOf(slots, Math.min(n, slots.length)));
                    next.offer(some.batch().withTask(part), some.extras());
                }
            }
            int[] newest = java.util.stream.IntStream.range(0, Math.min(n, current.size()))
                    .toArray();
            Batch rows = current.at(newest).batch().withTask(parts);
            Tensor logits;
            try (var mode = Autograd.noGrad()) {
                logits = net.scores(rows.inputs(), Pass.eval());
            }
            next.offer(rows, Map.of(LOGITS, logits));
        }
        memory = next;
        parts++;
        current = sample(parts);
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(memory.bytes() + current.bytes());
    }

    @Override
    public State state() {
        return new State()
                .put("net", net)
                .put("parts", parts)
                .put("memory", memory)
                .put("current", current);
    }

    @Override
    public void load(State saved) {
        int newParts = Math.toIntExact(Replays.savedCount(saved, "parts"));
        ReplayBuffer newMemory = stored(newParts);
        newMemory.load(saved.child("memory"));
        ReplayBuffer newCurrent = sample(newParts);
        newCurrent.load(saved.child("current"));
        net.load(saved.child("net"));
        parts = newParts;
        memory = newMemory;
        current = newCurrent;
    }

    /** {@code fdr}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "fdr";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "function distance: holds probabilities on stored rows to those at the end of their part";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Benjamin et al. 2019, arXiv 1805.08289";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults().withAllClassesFromStart(), 200, 64, 1, Turns.ALTERNATE);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("alpha", List.of(0.3, 1.0, 3.0)));
        }

        @Override
        public FunctionReplay create(Config config, Schema schema, Rng rng) {
            return new FunctionReplay(config, schema, rng);
        }
    }
}
