package dev.holdfast.learner.replay;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.memory.ClassBalanced;
import dev.holdfast.memory.DrawPolicy;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.schedule.Cosine;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateless;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * GDumb: greedily stores rows so that classes stay balanced (algorithm 1), and learns nothing else from the stream: when it
 * is asked, it trains a fresh network on the stored rows alone (algorithm 2).
 *
 * <p>Predictions must not move by being asked for, so training happens at set times: when a part ends, and, if {@code
 * every} is set, after the first batch and then after every so many batches; a class that came since has an untrained
 * column. The rate is a tenth in the first pass; then it falls as a cosine from pass to pass, with warm restarts after 1,
 * 2, 4, ... passes. The paper's mixing of image patches is left out.
 *
 * <p>Prabhu, Torr, Dokania, <i>GDumb: A Simple Approach that Questions Our Progress in Continual Learning</i>, ECCV 2020.
 */
public final class Gdumb implements Learner {
    /**
     * @param net network of every training; its optimizer's rate is the highest of the schedule
     * @param capacity rows in the memory
     * @param passes over the memory in a training; with 2^k restarts end well
     * @param batchSize rows a step
     * @param lowest rate at the end of a cosine as a share of the highest, in [0, 1]
     * @param every batches of the stream from one training to the next; 0 = only when a part ends
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("passes over the memory in a training") int passes,
            @Doc("rows a step") int batchSize,
            @Doc("lowest rate as a share of the highest") double lowest,
            @Doc("batches of the stream between trainings; 0 = only when a part ends") int every) {
        public Config {
            Replays.check(capacity, batchSize);
            if (passes < 1 || every < 0) {
                throw new IllegalArgumentException(
                        "GDumb needs passes >= 1 and every >= 0 but has " + passes + " and " + every + ".");
            }
            if (!(lowest >= 0 && lowest <= 1)) {
                throw new IllegalArgumentException("lowest must be in [0, 1] but is " + lowest + ".");
            }
        }
    }

    private final Config config;
    private final Schema schema;
    private final Rng rng;
    private final ReplayBuffer memory;

    /** What was trained last; replaced whole. */
    private volatile Net net;

    private int trainings;
    private long batches;

    public Gdumb(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.schema = schema;
        this.rng = rng;
        this.memory = new ReplayBuffer(
                config.capacity, ClassBalanced.greedy(config.capacity), DrawPolicy.uniform(), rng.child("memory"));
        this.net = fresh(0);
    }

    private Net fresh(int training) {
        return new Net(config.net, schema, rng.child("net", training));
    }

    @Override
    public Capabilities capabilities() {
        Set<Trait> traits = EnumSet.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
        if (config.every == 0) {
            traits.addAll(Set.of(Trait.NEEDS_BOUNDARIES, Trait.LEARNS_AT_END));
        }
        return new Capabilities(traits);
    }

    @Override
    public StepReport learn(Batch b) {
        net.requireFits(b);
        memory.requireFits(b);
        if (b.rows().epoch() == 0) {
            memory.offer(b, Map.of());
        }
        if (config.every > 0) {
            net.admit(b);
            if (batches++ % config.every == 0) {
                train();
            }
        }
        return new StepReport(Double.NaN, b.size());
    }

    @Override
    public void end(Experience e) {
        if (memory.size() == 0) {
            throw new IllegalStateException("A part ended before any of its rows was learnt.");
        }
        train();
    }

    /** A fresh network on the stored rows. */
    private void train() {
        Net trained = fresh(++trainings);
        try (Scope all = Scope.open()) {
            Batch rows = memory.all().batch();
            // classes that gave all their rows away keep a column
            trained.expect(net.columns(), -1);
            trained.admit(rows);
            int steps = (rows.size() + config.batchSize - 1) / config.batchSize;
            Optimizer optimizer =
                    config.net.optimizer().build(trained.parameters(), new WarmRestarts(steps, config.lowest));
            for (int pass = 0; pass < config.passes; pass++) {
                int[] order = rng.child("order", trainings, pass).permutation(rows.size());
                for (int from = 0; from < order.length; from += config.batchSize) {
                    try (Scope s = Scope.open()) {
                        Batch b = rows.rows(
                                Arrays.copyOfRange(order, from, Math.min(order.length, from + config.batchSize)));
                        Tensor scores = trained.scores(b.inputs(), trained.pass());
                        optimizer.step(Autograd.grad(trained.crossEntropy(scores, b), trained.parameters(), false));
                    }
                }
            }
        }
        net = trained;
    }

    /** The factor on the rate, one for all steps of a pass. */
    record WarmRestarts(long stepsOfAPass, double lowest) implements Schedule, Stateless {
        @Override
        public double at(long step) {
            long pass = step / stepsOfAPass;
            return pass == 0 ? 0.1 : new Cosine(1, lowest, 2).at(pass - 1);
        }
    }

    @Override
    public Prediction predict(Inputs x) {
        return net.predict(x);
    }

    @Override
    public Footprint footprint() {
        return net.footprint(memory.bytes());
    }

    @Override
    public State state() {
        return new State()
                .put("trainings", trainings)
                .put("batches", batches)
                .put("memory", memory)
                .put("net", net);
    }

    @Override
    public void load(State saved) {
        int newTrainings = Math.toIntExact(Replays.savedCount(saved, "trainings"));
        long newBatches = Replays.savedCount(saved, "batches");
        Net loaded = fresh(newTrainings);
        loaded.load(saved.child("net"));
        memory.load(saved.child("memory"));
        trainings = newTrainings;
        batches = newBatches;
        net = loaded;
    }

    /** {@code gdumb}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "gdumb";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "GDumb: balances a memory greedily and trains a fresh network on it alone";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Prabhu et al. 2020, ECCV";
        }

        @Override
        public Config defaults() {
            NetConfig d = NetConfig.defaults();
            OptimizerConfig sgd = OptimizerConfig.sgd(0.05, 0.9).withWeightDecay(1e-6);
            return new Config(new NetConfig(d.backbone(), sgd, d.allClassesFromStart()), 200, 64, 16, 0.01, 0);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(0.02, 0.05, 0.1)), new Axis("passes", List.of(32, 64, 128)));
        }

        @Override
        public Gdumb create(Config config, Schema schema, Rng rng) {
            return new Gdumb(config, schema, rng);
        }
    }
}
