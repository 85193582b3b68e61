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
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.InputShape;
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
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A dynamically expandable network, in short. A task may move the units of earlier tasks at a price. While its loss stays
 * above a bound, units are added, and a group lasso takes those away that are not needed. When it is over, units that
 * moved too far are split: the moved one lives on as a unit of this task, and all old ones get back their weights. A task
 * is predicted with the units that there were at its end, so nothing is forgotten.
 *
 * <p>After Yoon, Yang, Lee, Hwang, <i>Lifelong Learning with Dynamically Expandable Networks</i>, arXiv 1708.01547,
 * section 3: expansion (algorithm 3), split and timestamps (algorithm 4). Instead of selective retraining every old unit
 * may move; units are added while a task is learnt, not after it; what is trained again after a split are the task's own
 * units.
 */
public final class DenLite implements Learner, TaskAware {
    /**
     * @param net its backbone, an MLP without norm, is that of the first task
     * @param hold price of moving an old unit's weights: {@code hold/2 ||w - w_old||^2}, >= 0
     * @param lossBound units are added while the mean task loss of {@code patience} batches is above it
     * @param patience batches over which the loss is averaged, >= 1
     * @param units added to every layer at once, >= 1
     * @param most units that a task may add to a layer, >= 0
     * @param lasso strength of the group lasso on added units, >= 0
     * @param driftBound distance beyond which an old unit is split, >= 0
     * @param retrainEpochs passes over the task's rows in which its own units settle after the split; 0 = none
     * @param retrainBatch rows of a batch in these passes
     */
    public record Config(
            NetConfig net,
            @Doc("price of moving an old unit's weights") double hold,
            @Doc("units are added while the task loss stays above it") double lossBound,
            @Doc("batches over which the loss is averaged") int patience,
            @Doc("units added to every layer at once") int units,
            @Doc("units that a task may add to a layer") int most,
            @Doc("strength of the group lasso on added units") double lasso,
            @Doc("distance beyond which an old unit is split") double driftBound,
            @Doc("passes over the task's rows after the split; 0 = none") int retrainEpochs,
            @Doc("rows of a batch in these passes") int retrainBatch) {
        public Config {
            TaskNet.check(net, "den-lite");
            Columns.requirePlainMlp(net.backbone(), "den-lite");
            atLeastZero("hold", hold);
            atLeastZero("lossBound", lossBound);
            atLeastZero("lasso", lasso);
            atLeastZero("driftBound", driftBound);
            if (patience < 1 || units < 1 || most < 0) {
                throw new IllegalArgumentException("patience and units must be >= 1 and most >= 0 but are " + patience
                        + ", " + units + " and " + most + ".");
            }
            if (retrainEpochs < 0 || retrainBatch < 1) {
                throw new IllegalArgumentException("retrainEpochs must be >= 0 and retrainBatch >= 1 but are "
                        + retrainEpochs + " and " + retrainBatch + ".");
            }
        }

        private static void atLeastZero(String name, double value) {
            if (!(value >= 0) || Double.isInfinite(value)) {
                throw new IllegalArgumentException(name + " must be finite and >= 0 but is " + value + ".");
            }
        }
    }

    private final Config config;
    private final TaskNet parts;
    private final Net net;

    /** Task losses since the part began or units came, their number, and the units that came in this part. */
    private double lossSum;

    private int losses;
    private int added;

    public DenLite(Config config, Schema schema, Rng rng) {
        this.config = config;
        InputShape input = Columns.input(schema, "den-lite");
        Rng draws = rng.child("units");
        this.net = new Net(
                config.net,
                schema,
                rng.child("net"),
                m -> new UnitModel(
                        input,
                        Columns.widths(config.net.backbone()),
                        new Fresh(draws, ScalarType.Float, config.net.backbone().init())));
        this.parts = new TaskNet(net);
    }

    private UnitModel units() {
        return (UnitModel) net.model();
    }

    @Override
    public Capabilities capabilities() {
        // with every part there may be more units
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
        finish();
        int part = parts.parts();
        parts.begin(task, () -> units().begin(part));
        lossSum = 0;
        losses = 0;
        added = 0;
    }

    @Override
    public StepReport learn(Batch b) {
        net.requireFits(b);
        if (!parts.open()) {
            begin(TaskNet.task(b));
        }
        parts.admit(b);
        Pass pass = parts.pass();
        Tensor task = parts.loss(net.scores(b.inputs(), pass), b);
        Tensor held = config.hold == 0 || parts.part() == 0 ? null : held(pass);
        Step step = net.descend(held == null ? task : task.add(held));
        double loss = task.item_double();
        StepReport r = net.report(held == null ? task : task.add(held), b.size(), step);
        if (!step.skipped()) {
            shrink();
            expand(loss);
        }
        return new StepReport(r.loss(), r.rows(), List.of(new Term("task", loss)), r.events());
    }

    /** hold/2 times the squared distance of old units from where earlier parts left them. */
    private Tensor held(Pass pass) {
        Tensor sum = null;
        for (UnitLayer l : units().layers()) {
            Tensor d = l.drift(pass)
                    .mul(l.birth().lt(Tensors.scalar(parts.part())))
                    .sum();
            sum = sum == null ? d : sum.add(d);
        }
        return sum.mul(Tensors.scalar(config.hold / 2));
    }

    /** The proximal step of the group lasso. */
    private void shrink() {
        if (added == 0 || config.lasso == 0) {
            return;
        }
        net.change(() -> {
            List<boolean[]> own = units().added();
            for (int i = 0; i < own.size(); i++) {
                units().layers()
                        .get(i)
                        .shrink(own.get(i), config.net.optimizer().rate() * config.lasso);
            }
            return null;
        });
    }

    private void expand(double loss) {
        lossSum += loss;
        losses++;
        if (parts.part() == 0 || losses < config.patience) {
            return;
        }
        boolean tooHigh = lossSum / losses > config.lossBound;
        lossSum = 0;
        losses = 0;
        if (tooHigh && added + config.units <= config.most) {
            net.change(() -> {
                units().add(config.units, net.step());
                return null;
            });
            net.restart();
            added += config.units;
        }
    }

    @Override
    public void end(Experience e) {
        if (!parts.open()) {
            return;
        }
        split();
        if (config.retrainEpochs > 0) {
            Loader rows =
                    e.train().batches(Pace.shuffled(config.retrainEpochs, config.retrainBatch), net.draws("retrain"));
            while (rows.hasNext()) {
                try (Scope s = Scope.open()) {
                    retrain(rows.next());
                }
            }
            rows.close();
        }
        settle();
    }

    /** A step of the part's own units and columns only. */
    private void retrain(Batch b) {
        parts.admit(b);
        Tensor loss = parts.loss(net.scores(b.inputs(), parts.pass()), b);
        Map<String, Tensor> births = new HashMap<>();
        units().layers().forEach(l -> births.put(l.leaf(), l.birth()));
        net.descend(Autograd.grad(loss, net.parameters(), false).map((m, g) -> {
            Tensor birth = births.get(m.name());
            return birth == null
                    ? g
                    : g.mul(birth.eq(Tensors.scalar(parts.part())).unsqueeze(1));
        }));
    }

    /** A part that goes on when another begins ends without its rows. */
    private void finish() {
        if (parts.open()) {
            split();
            settle();
        }
    }

    private void split() {
        net.change(() -> {
            units().prune();
            units().split(config.driftBound, parts.own());
            return null;
        });
        net.restart();
    }

    private void settle() {
        net.change(() -> {
            units().layers().forEach(UnitLayer::settle);
            return null;
        });
        parts.end();
    }

    /** Units of each hidden layer now. */
    List<Long> widths() {
        return units().layers().stream().map(UnitLayer::units).toList();
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
        return new Footprint(
                f.parameters(),
                f.bytes(),
                "units " + widths() + ", " + net.columns().size() + " classes");
    }

    @Override
    public State state() {
        return new State()
                .put("lossSum", lossSum)
                .put("losses", losses)
                .put("added", added)
                .put("parts", parts);
    }

    @Override
    public void load(State saved) {
        double newSum = saved.number("lossSum");
        int newLosses = Math.toIntExact(saved.integer("losses"));
        int newAdded = Math.toIntExact(saved.integer("added"));
        parts.load(saved.child("parts"));
        lossSum = newSum;
        losses = newLosses;
        added = newAdded;
    }

    /** {@code den-lite}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "den-lite";
        }

        @Override
        public String summary() {
            return "a network that adds, prunes and splits units as tasks need them; must be told the task";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Yoon et al. 2018, arXiv 1708.01547";
        }

        @Override
        public Config defaults() {
            NetConfig d = NetConfig.defaults();
            return new Config(
                    new NetConfig(Columns.mlp(), d.optimizer(), false), 0.01, 0.1, 50, 10, 50, 0.01, 0.1, 1, 32);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("lossBound", List.of(0.02, 0.1, 0.3)),
                    new Axis("driftBound", List.of(0.05, 0.1, 0.3)));
        }

        @Override
        public DenLite create(Config config, Schema schema, Rng rng) {
            return new DenLite(config, schema, rng);
        }
    }
}
