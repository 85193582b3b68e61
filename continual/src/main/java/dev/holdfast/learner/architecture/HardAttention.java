package dev.holdfast.learner.architecture;

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
import dev.holdfast.learner.TaskAware;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.transform.UnitGates;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Hard attention to the task: every task learns, together with the weights, which units it uses. Gates are soft while an
 * epoch is young and nearly binary at its end; weights between units that finished tasks use move the less, the more
 * these are used; using units that are still free has a price.
 *
 * <p>Serra, Suris, Miron, Karatzoglou, <i>Overcoming Catastrophic Forgetting with Hard Attention to the Task</i>, arXiv
 * 1801.01423, section 2.
 */
public final class HardAttention implements Learner, TaskAware {
    /**
     * @param sMax largest slope of the gates, > 1
     * @param sparsity c, the price of using free units, >= 0
     * @param bound largest embedding in absolute value, > 0
     * @param clamp largest |s e| that enters the compensation of the embeddings' gradients
     * @param parts room for so many parts of the stream, each of which has its embeddings from the start
     */
    public record Config(
            NetConfig net,
            @Doc("largest slope of the gates") double sMax,
            @Doc("price of using units that are still free") double sparsity,
            @Doc("largest embedding in absolute value") double bound,
            @Doc("largest |s e| in the compensation of the embeddings' gradients") double clamp,
            @Doc("room for so many parts of the stream") int parts) {
        public Config {
            TaskNet.check(net, "hat");
            if (net.optimizer().kind() != OptimizerConfig.Kind.SGD) {
                throw new IllegalArgumentException("hat protects weights by scaling their gradients, which "
                        + net.optimizer().kind() + " undoes; expected net.optimizer.kind=SGD.");
            }
            if (net.backbone().norm() != Norm.NONE) {
                throw new IllegalArgumentException("A norm mixes the units of all tasks, so hat needs"
                        + " net.backbone.norm=NONE but it is "
                        + net.backbone().norm() + ".");
            }
            if (!(sMax > 1) || !(bound > 0) || !(clamp > 0)) {
                throw new IllegalArgumentException(
                        "sMax must be > 1, bound and clamp > 0 but are " + sMax + ", " + bound + " and " + clamp + ".");
            }
            if (!(sparsity >= 0) || Double.isInfinite(sparsity)) {
                throw new IllegalArgumentException("sparsity must be finite and >= 0 but is " + sparsity + ".");
            }
            if (parts < 1) {
                throw new IllegalArgumentException("parts must be >= 1 but is " + parts + ".");
            }
        }
    }

    private final Config config;
    private final TaskNet parts;
    private final Net net;

    /** Batches of an epoch of this part and batches learnt in it, from which s follows. */
    private long batches = 1;

    private long learnt;

    public HardAttention(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"), m -> gated(m, rng.child("gates")));
        this.parts = new TaskNet(net);
    }

    /** A gate after every activation of a plain sequence of layers. */
    private Model gated(Model m, Rng rng) {
        if (!(m instanceof Classifier c && c.body() instanceof Sequence body)) {
            throw new IllegalArgumentException("hat gates the units of an MLP or a CONVNET, not of a "
                    + config.net.backbone().kind() + ".");
        }
        List<Layer> layers = new ArrayList<>();
        long units = 0;
        int gates = 0;
        for (Layer l : body.layers()) {
            layers.add(l);
            for (Site s : weights(l)) {
                units = s.geometry().rows();
            }
            if (l instanceof Activation) {
                layers.add(new HardGate("gate." + gates++, config.parts, units, config.sMax, rng, ScalarType.Float));
            }
        }
        if (gates == 0) {
            throw new IllegalArgumentException(
                    "hat gates hidden units, but this network has none." + "\nMaybe net.backbone.kind=MLP is meant.");
        }
        return new Classifier(new Sequence("body", layers), c.head(), ScalarType.Float);
    }

    private static List<Site> weights(Layer l) {
        return Inventory.of(l).sites().stream()
                .filter(s -> s.geometry().kind() == Geometry.Kind.LINEAR
                        || s.geometry().kind() == Geometry.Kind.CONV)
                .toList();
    }

    private List<Layer> layers() {
        return ((Sequence) ((Classifier) net.model()).body()).layers();
    }

    private List<HardGate> gates() {
        return layers().stream()
                .filter(HardGate.class::isInstance)
                .map(HardGate.class::cast)
                .toList();
    }

    @Override
    public Capabilities capabilities() {
        // not of bounded memory: every part has rows of the head of its own, whatever its classes
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.NEEDS_TASK_ID);
    }

    @Override
    public void begin(Experience e) {
        begin(
                e.task(),
                Math.max(1, e.pace().batches(e.train().size()) / e.pace().epochs()));
    }

    private void begin(int task, long batchesOfAnEpoch) {
        if (parts.parts() == config.parts) {
            throw new IllegalStateException("hat has room for " + config.parts + " parts, and another one begins."
                    + "\nMaybe create it with a larger parts=.");
        }
        finish();
        parts.begin(task, () -> {});
        batches = batchesOfAnEpoch;
        learnt = 0;
    }

    @Override
    public StepReport learn(Batch b) {
        net.requireFits(b);
        if (!parts.open()) {
            begin(TaskNet.task(b), 1);
        }
        parts.admit(b);
        double progress = batches == 1 ? 1 : learnt % batches / (double) (batches - 1);
        Pass pass = net.pass().withTask(parts.part()).withProgress(progress);
        Tensor task = parts.loss(net.scores(b.inputs(), pass), b);
        Tensor price = UnitGates.sparsity(
                gates().stream().map(g -> g.gates(pass)).toList(),
                gates().stream().map(HardGate::used).toList());
        Tensor loss = task.add(price.mul(Tensors.scalar(config.sparsity)));
        ParamVector g = Autograd.grad(loss, net.parameters(), false);
        Step step = net.descend(held(g, HardGate.s(pass, config.sMax)));
        net.change(() -> {
            gates().forEach(gate -> gate.bound(config.bound));
            return null;
        });
        learnt++;
        StepReport r = net.report(loss, b.size(), step);
        return new StepReport(
                r.loss(),
                r.rows(),
                List.of(new Term("task", task.item_double()), new Term("sparsity", price.item_double())),
                r.events());
    }

    /** Weights of used units are held back; embeddings get the gradient that they would have at s = 1. */
    private ParamVector held(ParamVector g, double s) {
        Map<String, HardGate> embeddings = new HashMap<>();
        Map<String, Tensor[]> used = new HashMap<>();
        HardGate before = null;
        List<Site> waiting = new ArrayList<>();
        for (Layer l : layers()) {
            if (l instanceof HardGate gate) {
                embeddings.put(gate.leaf(), gate);
                for (Site site : waiting) {
                    Tensor in = before == null || site.geometry().kind() == Geometry.Kind.VECTOR ? null : before.used();
                    site.source()
                            .leaves()
                            .forEach(leaf -> used.put(leaf.meta().name(), new Tensor[] {in, gate.used()}));
                }
                waiting.clear();
                before = gate;
            } else {
                waiting.addAll(Inventory.of(l).sites());
            }
        }
        boolean first = parts.part() == 0;
        return g.map((m, t) -> {
            HardGate gate = embeddings.get(m.name());
            if (gate != null) {
                return UnitGates.compensated(t, gate.embedding().detach(), s, config.sMax, config.clamp);
            }
            Tensor[] u = used.get(m.name());
            return first || u == null ? t : UnitGates.gated(t, u[0], u[1]);
        });
    }

    @Override
    public void end(Experience e) {
        finish();
        parts.end();
    }

    private void finish() {
        if (parts.open()) {
            net.change(() -> {
                gates().forEach(g -> g.finish(parts.part()));
                return null;
            });
        }
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
        return new State().put("batches", batches).put("learnt", learnt).put("parts", parts);
    }

    @Override
    public void load(State saved) {
        long newBatches = saved.integer("batches");
        long newLearnt = saved.integer("learnt");
        if (newBatches < 1 || newLearnt < 0) {
            throw new IllegalArgumentException("The saved epoch has " + newBatches + " batches of which " + newLearnt
                    + " were learnt.\nMaybe the file is damaged.");
        }
        parts.load(saved.child("parts"));
        batches = newBatches;
        learnt = newLearnt;
    }

    /** {@code hat}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "hat";
        }

        @Override
        public String summary() {
            return "hard attention to the task: every task learns which units it uses; must be told the task";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Serra et al. 2018, arXiv 1801.01423";
        }

        @Override
        public Config defaults() {
            OptimizerConfig sgd = OptimizerConfig.sgd(0.05).withClipNorm(10_000);
            return new Config(new NetConfig(NetConfig.defaults().backbone(), sgd, false), 400, 0.75, 6, 50, 50);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(0.01, 0.03, 0.05, 0.1)),
                    new Axis("sMax", List.of(50.0, 100.0, 400.0)),
                    new Axis("sparsity", List.of(0.1, 0.75, 1.5)));
        }

        @Override
        public HardAttention create(Config config, Schema schema, Rng rng) {
            return new HardAttention(config, schema, rng);
        }
    }
}
