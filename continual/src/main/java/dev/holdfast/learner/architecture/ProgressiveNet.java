package dev.holdfast.learner.architecture;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Progressive neural networks: every task gets a column of its own, which also sees the hidden layers of all earlier
 * columns through adapters; these stand still. Nothing is forgotten, and the network grows with the square of the number
 * of tasks.
 *
 * <p>Rusu et al., <i>Progressive Neural Networks</i>, arXiv 1606.04671, section 2. Columns are fully connected.
 */
public final class ProgressiveNet implements Learner, TaskAware {
    /** The backbone is that of one column: an MLP without norm. */
    public record Config(NetConfig net) {
        public Config {
            TaskNet.check(net, "pnn");
            Columns.requirePlainMlp(net.backbone(), "pnn");
        }
    }

    private final TaskNet parts;
    private final Net net;

    public ProgressiveNet(Config config, Schema schema, Rng rng) {
        BackboneConfig column = config.net.backbone();
        InputShape input = Columns.input(schema, "pnn");
        List<Integer> widths = Columns.widths(column);
        Rng draws = rng.child("columns");
        int last = widths.get(widths.size() - 1);
        this.net = new Net(
                config.net,
                schema,
                rng.child("net"),
                m -> new ProgressiveModel(
                        input,
                        widths,
                        new Fresh(draws, ScalarType.Float, column.init()),
                        HeadSpec.linear()
                                .build("head", 2L * last, ClassIndex.EMPTY, draws.child("head"), ScalarType.Float)));
        this.parts = new TaskNet(net);
    }

    @Override
    public Capabilities capabilities() {
        // with every part there is one more column
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.NEEDS_TASK_ID);
    }

    @Override
    public void begin(Experience e) {
        begin(e.task());
    }

    private void begin(int task) {
        parts.begin(task, () -> ((ProgressiveModel) net.model()).addColumn());
    }

    @Override
    public StepReport learn(Batch b) {
        net.requireFits(b);
        if (!parts.open()) {
            begin(TaskNet.task(b));
        }
        parts.admit(b);
        Tensor loss = parts.loss(net.scores(b.inputs(), parts.pass()), b);
        return net.report(loss, b.size(), net.descend(loss));
    }

    @Override
    public void end(Experience e) {
        parts.end();
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
        Footprint f = net.footprint(0);
        return new Footprint(f.parameters(), f.bytes(), parts.parts() + " columns of " + f.shape());
    }

    @Override
    public State state() {
        return parts.state();
    }

    @Override
    public void load(State saved) {
        parts.load(saved);
    }

    /** {@code pnn}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "pnn";
        }

        @Override
        public String summary() {
            return "progressive networks: a new column a task beside frozen ones; must be told the task";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Rusu et al. 2016, arXiv 1606.04671";
        }

        @Override
        public Config defaults() {
            NetConfig d = NetConfig.defaults();
            return new Config(new NetConfig(Columns.mlp(), d.optimizer(), false));
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)));
        }

        @Override
        public ProgressiveNet create(Config config, Schema schema, Rng rng) {
            return new ProgressiveNet(config, schema, rng);
        }
    }
}
