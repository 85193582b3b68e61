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
import dev.holdfast.memory.DrawPolicy;
import dev.holdfast.memory.FirstRows;
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
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * GEM: a step may not, to first order, raise the loss on the memory of any finished task. A gradient g that conflicts with
 * one of their gradients g_k (g.g_k < 0) becomes g + sum_k v_k g_k, with v the minimum of the dual quadratic program over
 * v >= margin (eq. 11); otherwise it is taken as it is.
 *
 * <p>The memory of a task is its first rows in the order in which they arrive. Every step costs a gradient a finished task,
 * and the program is solved exactly, so tasks should be tens, not hundreds.
 *
 * <p>Lopez-Paz, Ranzato, <i>Gradient Episodic Memory for Continual Learning</i>, arXiv 1706.08840, algorithm 1.
 */
public final class EpisodicGem implements NetLearner, SplitsGradient {
    /**
     * @param rowsPerTask rows kept of every task
     * @param margin least dual variable of a task once any conflicts, >= 0; the paper's memory strength
     * @param epsilon added to the diagonal of the dual problem, >= 0
     */
    public record Config(
            NetConfig net,
            @Doc("rows kept of every task") int rowsPerTask,
            @Doc("least dual variable of a task once any conflicts") double margin,
            @Doc("added to the diagonal of the dual problem") double epsilon) {
        public Config {
            Replays.check(rowsPerTask, 1);
            Replays.checkWeight("margin", margin);
            Replays.checkWeight("epsilon", epsilon);
        }

        /** The constants of the paper and of its code. */
        public static Config of(NetConfig net, int rowsPerTask) {
            return new Config(net, rowsPerTask, GradientSurgery.MARGIN, GradientSurgery.EPSILON);
        }
    }

    private final Config config;
    private final Rng rng;
    private final Net net;
    private final List<ReplayBuffer> past = new ArrayList<>();
    private ReplayBuffer current;

    public EpisodicGem(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.rng = rng;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.current = memory(0);
    }

    private ReplayBuffer memory(int task) {
        return new ReplayBuffer(
                config.rowsPerTask, new FirstRows(config.rowsPerTask), DrawPolicy.uniform(), rng.child("memory", task));
    }

    @Override
    public Capabilities capabilities() {
        // with every task there is one more memory, for as long as the stream goes on
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.STORES_EXAMPLES);
    }

    @Override
    public StepReport learn(Batch b) {
        requireFits(b);
        net.admit(b);
        Pass pass = net.pass();
        Tensor loss = net.crossEntropy(net.scores(b.inputs(), pass), b);
        ParamVector g = Autograd.grad(loss, net.parameters(), false);
        Step step = net.descend(turned(g, remembered(net, pass)));
        // what could not be learnt must not come back
        if (b.rows().epoch() == 0 && !step.skipped()) {
            current.offer(b, Map.of());
        }
        return net.report(
                loss, b.size() + past.stream().mapToInt(ReplayBuffer::size).sum(), step);
    }

    private void requireFits(Batch b) {
        past.forEach(m -> m.requireFits(b));
        current.requireFits(b);
    }

    /** The gradient on the memory of each finished task. */
    private List<ParamVector> remembered(Net now, Pass pass) {
        List<ParamVector> g = new ArrayList<>();
        for (ReplayBuffer m : past) {
            Batch rows = m.all().batch();
            g.add(Autograd.grad(now.crossEntropy(now.scores(rows.inputs(), pass), rows), now.parameters(), false));
        }
        return g;
    }

    private ParamVector turned(ParamVector g, List<ParamVector> remembered) {
        return GradientSurgery.gem(g, remembered, config.margin, config.epsilon);
    }

    @Override
    public Split split(Batch b) {
        requireFits(b);
        Net ahead = net.ahead(b);
        Pass pass = ahead.peek();
        ParamVector g = Autograd.grad(ahead.crossEntropy(ahead.scores(b.inputs(), pass), b), ahead.parameters(), false);
        List<ParamVector> remembered = remembered(ahead, pass);
        List<Term> more = remembered.isEmpty()
                ? List.of()
                : List.of(new Term(
                        "memory",
                        remembered.stream()
                                .mapToDouble(ParamVector::norm)
                                .average()
                                .orElseThrow()));
        ParamVector turned = turned(g, remembered);
        // the very gradient comes back where nothing conflicts
        ParamVector change =
                turned == g ? Split.plastic(g, Stability.PROJECTION).stability() : turned.plus(-1, g);
        return new Split(g, change, Stability.PROJECTION, more);
    }

    @Override
    public void end(Experience e) {
        if (current.size() > 0) {
            past.add(current);
            current = memory(past.size());
        }
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(
                current.bytes() + past.stream().mapToLong(ReplayBuffer::bytes).sum());
    }

    @Override
    public State state() {
        State s = new State().put("net", net).put("tasks", past.size()).put("current", current);
        for (int i = 0; i < past.size(); i++) {
            s.put("past" + i, past.get(i));
        }
        return s;
    }

    @Override
    public void load(State saved) {
        long tasks = saved.integer("tasks");
        if (tasks < 0) {
            throw new IllegalArgumentException(
                    "The saved learner says that it finished " + tasks + " tasks.\nMaybe the file is damaged.");
        }
        List<ReplayBuffer> newPast = new ArrayList<>();
        for (int i = 0; i < tasks; i++) {
            ReplayBuffer m = memory(i);
            m.load(saved.child("past" + i));
            if (m.size() == 0) {
                throw new IllegalArgumentException("The saved memory of task " + i + " is empty; it holds at least one"
                        + " row.\nMaybe the file is damaged.");
            }
            newPast.add(m);
        }
        ReplayBuffer newCurrent = memory(newPast.size());
        newCurrent.load(saved.child("current"));
        net.load(saved.child("net"));
        past.clear();
        past.addAll(newPast);
        current = newCurrent;
    }

    /** {@code gem}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "gem";
        }

        @Override
        public String summary() {
            return "GEM: turns every step so that the loss on no finished task's memory rises";
        }

        @Override
        public String system() {
            return "06-continual-eval";
        }

        @Override
        public String paper() {
            return "Lopez-Paz, Ranzato 2017, arXiv 1706.08840";
        }

        @Override
        public Config defaults() {
            NetConfig d = NetConfig.defaults();
            // the projection is about the gradient's direction, which Adam would change again
            return Config.of(new NetConfig(d.backbone(), OptimizerConfig.sgd(0.1), d.allClassesFromStart()), 40);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(0.01, 0.03, 0.1)),
                    new Axis("margin", List.of(0.0, 0.5, 1.0)));
        }

        @Override
        public EpisodicGem create(Config config, Schema schema, Rng rng) {
            return new EpisodicGem(config, schema, rng);
        }
    }
}
