package dev.holdfast.learner.architecture;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Owned;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * PackNet: every task gets weights of its own within one network. A task trains the weights that are still free; when it
 * is over, the smallest of them are pruned and free for later tasks, the others are trained a little more and belong to
 * the task. It is predicted with its own weights and those of earlier tasks, so nothing that comes later changes its
 * answers.
 *
 * <p>Biases, norms and everything else that cannot be divided move in the first task only; rows of the head belong to
 * classes of a task.
 *
 * <p>Mallya, Lazebnik, <i>PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning</i>, arXiv 1711.05769,
 * section 3.
 */
public final class PackNet implements Learner, TaskAware {
    /**
     * @param prune share of a layer's free weights that are pruned when a task is over, in [0, 1); with 0 the first task
     *     takes all
     * @param retrainEpochs passes over the task's rows after pruning; 0 = none
     * @param retrainBatch rows of a batch in these passes
     */
    public record Config(
            NetConfig net,
            @Doc("share of a layer's free weights that are pruned when a task is over") double prune,
            @Doc("passes over the task's rows after pruning; 0 = none") int retrainEpochs,
            @Doc("rows of a batch in these passes") int retrainBatch) {
        public Config {
            TaskNet.check(net, "packnet");
            if (!(prune >= 0 && prune < 1)) {
                throw new IllegalArgumentException("prune must be in [0, 1) but is " + prune + ".");
            }
            if (retrainEpochs < 0 || retrainBatch < 1) {
                throw new IllegalArgumentException("retrainEpochs must be >= 0 and retrainBatch >= 1 but are "
                        + retrainEpochs + " and " + retrainBatch + ".");
            }
        }
    }

    private final Config config;
    private final TaskNet parts;
    private final Net net;

    public PackNet(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"), PackNet::shared);
        this.parts = new TaskNet(net);
    }

    /** Weights of layers become owned by parts, but for those of the head. */
    private static Model shared(Model m) {
        boolean any = false;
        for (Site s : body(m)) {
            if (s.geometry().kind() == Geometry.Kind.LINEAR || s.geometry().kind() == Geometry.Kind.CONV) {
                s.source(Owned.of(s));
                any = true;
            }
        }
        if (!any) {
            throw new IllegalArgumentException(
                    "packnet divides the weights of hidden layers, but this network has none."
                            + "\nMaybe net.backbone.kind=MLP is meant.");
        }
        return m;
    }

    private static List<Site> body(Model m) {
        Set<Site> head = new HashSet<>(Inventory.of(m.head()).sites());
        return Inventory.of(m).sites().stream().filter(s -> !head.contains(s)).toList();
    }

    private List<Owned> owned() {
        return body(net.model()).stream()
                .filter(s -> s.source() instanceof Owned)
                .map(s -> (Owned) s.source())
                .toList();
    }

    /** Names of the leaves that stand still after the first part. */
    private Set<String> still() {
        Set<String> names = new HashSet<>();
        for (Site s : body(net.model())) {
            if (!(s.source() instanceof Owned)) {
                s.source().leaves().forEach(l -> names.add(l.meta().name()));
            }
        }
        return names;
    }

    @Override
    public Capabilities capabilities() {
        // not of bounded memory: every part has rows of the head of its own, whatever its classes
        Set<Trait> traits = EnumSet.of(Trait.NEEDS_BOUNDARIES, Trait.NEEDS_TASK_ID);
        if (config.retrainEpochs > 0) {
            traits.add(Trait.REREADS);
        }
        return new Capabilities(traits);
    }

    @Override
    public void begin(Experience e) {
        begin(e.task());
    }

    private void begin(int task) {
        if (parts.open()) {
            prune();
            settle();
        }
        parts.begin(task, () -> {});
    }

    @Override
    public StepReport learn(Batch b) {
        net.requireFits(b);
        if (!parts.open()) {
            begin(TaskNet.task(b));
        }
        parts.admit(b);
        return step(b);
    }

    private StepReport step(Batch b) {
        Tensor loss = parts.loss(net.scores(b.inputs(), parts.pass()), b);
        ParamVector g = Autograd.grad(loss, net.parameters(), false);
        Step step = net.descend(parts.part() == 0 ? g : withoutShared(g));
        return net.report(loss, b.size(), step);
    }

    private ParamVector withoutShared(ParamVector g) {
        Set<String> still = still();
        return g.map((m, t) -> still.contains(m.name()) ? null : t);
    }

    @Override
    public void end(Experience e) {
        if (!parts.open()) {
            return;
        }
        prune();
        if (config.retrainEpochs > 0) {
            net.restart();
            Loader rows =
                    e.train().batches(Pace.shuffled(config.retrainEpochs, config.retrainBatch), net.draws("retrain"));
            while (rows.hasNext()) {
                try (Scope s = Scope.open()) {
                    Batch b = rows.next();
                    parts.admit(b);
                    step(b);
                }
            }
            rows.close();
        }
        settle();
        parts.end();
    }

    private void prune() {
        net.change(() -> {
            owned().forEach(o -> o.prune(config.prune));
            return null;
        });
    }

    private void settle() {
        net.change(() -> {
            owned().forEach(Owned::settle);
            return null;
        });
    }

    @Override
    public Prediction predict(Inputs x) {
        return parts.predict(x);
    }

    @Override
    public Prediction predict(Inputs x, int task) {
        return parts.predict(x, task);
    }

    @Override
    public Footprint footprint() {
        return net.footprint(0);
    }

    @Override
    public State state() {
        return parts.state();
    }

    @Override
    public void load(State saved) {
        parts.load(saved);
    }

    /** {@code packnet}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "packnet";
        }

        @Override
        public String summary() {
            return "gives every task the largest of the weights that are still free; must be told the task";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Mallya, Lazebnik 2018, arXiv 1711.05769";
        }

        @Override
        public Config defaults() {
            return new Config(
                    new NetConfig(NetConfig.defaults().backbone(), OptimizerConfig.adam(1e-3), false), 0.75, 1, 32);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)), new Axis("prune", List.of(0.5, 0.75)));
        }

        @Override
        public PackNet create(Config config, Schema schema, Rng rng) {
            return new PackNet(config, schema, rng);
        }
    }
}
