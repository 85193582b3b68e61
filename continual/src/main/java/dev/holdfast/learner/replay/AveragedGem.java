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
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.transform.GradientSurgery;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * A-GEM: a step may not, to first order, raise the loss on a draw from memory; a gradient g that would is turned to g -
 * (g.r / r.r) r, with r the gradient on the draw (eq. 11).
 *
 * <p>The memory holds rows of finished tasks only: while a task is learnt a random sample of it waits in a reservoir, and
 * moves over when the task ends.
 *
 * <p>Chaudhry et al., <i>Efficient Lifelong Learning with A-GEM</i>, arXiv 1812.00420.
 */
public final class AveragedGem implements NetLearner, SplitsGradient {
    /**
     * @param capacity rows of finished tasks in the memory
     * @param rowsPerTask rows kept of every task
     * @param replayBatch rows of the reference gradient
     */
    public record Config(
            NetConfig net,
            @Doc("rows of finished tasks in the memory") int capacity,
            @Doc("rows kept of every task") int rowsPerTask,
            @Doc("rows of the reference gradient") int replayBatch) {
        public Config {
            Replays.check(capacity, replayBatch);
            if (rowsPerTask < 1) {
                throw new IllegalArgumentException("rowsPerTask must be >= 1 but is " + rowsPerTask + ".");
            }
        }
    }

    private final Config config;
    private final Rng rng;
    private final Net net;
    private final ReplayBuffer memory;
    private ReplayBuffer current;
    private long tasks;

    public AveragedGem(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.rng = rng;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.memory = ReplayBuffer.reservoir(config.capacity, rng.child("memory"));
        this.current = fresh(0);
    }

    private ReplayBuffer fresh(long task) {
        return ReplayBuffer.reservoir(config.rowsPerTask, rng.child("current", task));
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
        Tensor loss = net.crossEntropy(net.scores(b.inputs(), pass), b);
        ParamVector g = Autograd.grad(loss, net.parameters(), false);
        Drawn past = memory.draw(config.replayBatch, net.draws("reference"));
        if (!past.isEmpty()) {
            Tensor remembered = net.crossEntropy(net.scores(past.batch().inputs(), pass), past.batch());
            g = GradientSurgery.aGem(g, Autograd.grad(remembered, net.parameters(), false));
        }
        Step step = net.descend(g);
        // what could not be learnt must not come back
        if (b.rows().epoch() == 0 && !step.skipped()) {
            current.offer(b, Map.of());
        }
        return net.report(loss, b.size() + past.slots().length, step);
    }

    @Override
    public Split split(Batch b) {
        memory.requireFits(b);
        Net ahead = net.ahead(b);
        Pass pass = ahead.peek();
        ParamVector g = Autograd.grad(ahead.crossEntropy(ahead.scores(b.inputs(), pass), b), ahead.parameters(), false);
        Drawn past = memory.draw(config.replayBatch, ahead.draws("reference"));
        if (past.isEmpty()) {
            return Split.plastic(g, Stability.PROJECTION);
        }
        Tensor remembered = ahead.crossEntropy(ahead.scores(past.batch().inputs(), pass), past.batch());
        ParamVector r = Autograd.grad(remembered, ahead.parameters(), false);
        List<Term> more = List.of(new Term("memory", r.norm()));
        // the very gradient comes back where nothing conflicts
        ParamVector turned = GradientSurgery.aGem(g, r);
        return turned == g
                ? new Split(g, Split.plastic(g, Stability.PROJECTION).stability(), Stability.PROJECTION, more)
                : new Split(g, turned.plus(-1, g), Stability.PROJECTION, more);
    }

    @Override
    public void end(Experience e) {
        if (current.size() > 0) {
            memory.offer(current.all().batch(), Map.of());
        }
        tasks++;
        current = fresh(tasks);
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
                .put("memory", memory)
                .put("current", current)
                .put("tasks", tasks);
    }

    @Override
    public void load(State saved) {
        long newTasks = saved.integer("tasks");
        ReplayBuffer newCurrent = fresh(newTasks);
        newCurrent.load(saved.child("current"));
        Snapshot.loadAll(saved, Map.of("net", net, "memory", memory));
        tasks = newTasks;
        current = newCurrent;
    }

    /** {@code agem}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "agem";
        }

        @Override
        public String summary() {
            return "A-GEM: turns every step so that the loss on remembered rows does not rise";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Chaudhry et al. 2019, arXiv 1812.00420";
        }

        @Override
        public Config defaults() {
            NetConfig d = NetConfig.defaults();
            // the projection is about the gradient's direction, which Adam would change again
            return new Config(
                    new NetConfig(d.backbone(), OptimizerConfig.sgd(0.1), d.allClassesFromStart()), 200, 40, 64);
        }

        @Override
        public AveragedGem create(Config config, Schema schema, Rng rng) {
            return new AveragedGem(config, schema, rng);
        }
    }
}
