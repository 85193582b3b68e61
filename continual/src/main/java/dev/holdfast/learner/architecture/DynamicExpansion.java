package dev.holdfast.learner.architecture;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.memory.ClassBalanced;
import dev.holdfast.memory.DrawPolicy;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Dynamically expandable representation: every part gets a backbone of its own; those of earlier parts stand still, and
 * one head sees the features of all. It learns new rows together with stored ones. So that the new backbone looks for what
 * the others lack, an auxiliary head tells from its features alone the new classes apart, and from all old ones.
 *
 * <p>Yan, Xie, He, <i>DER: Dynamically Expandable Representation for Class Incremental Learning</i>, arXiv 2103.16788,
 * section 3.2, without its pruning of channels and its second stage on balanced rows. Not to be confused with dark
 * experience replay, which is called {@code der} here.
 */
public final class DynamicExpansion implements NetLearner {
    /**
     * @param net its backbone is that of one part
     * @param capacity rows in the memory, in equal shares for all classes
     * @param replayBatch rows drawn for each batch of the stream
     * @param auxiliary weight of the auxiliary loss, >= 0
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows drawn for each batch of the stream") int replayBatch,
            @Doc("weight of the auxiliary loss") double auxiliary) {
        public Config {
            if (capacity < 1 || replayBatch < 1) {
                throw new IllegalArgumentException(
                        "capacity and replayBatch must be >= 1 but are " + capacity + " and " + replayBatch + ".");
            }
            if (!(auxiliary >= 0) || Double.isInfinite(auxiliary)) {
                throw new IllegalArgumentException("auxiliary must be finite and >= 0 but is " + auxiliary + ".");
            }
        }
    }

    private final Config config;
    private final Net net;
    private final ReplayBuffer memory;

    /** Classes that came with the part that is learnt now; they follow "old" in the auxiliary head. */
    private int[] fresh = {};

    public DynamicExpansion(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"), m -> expandable(m, schema, rng.child("expansion")));
        this.memory = new ReplayBuffer(
                config.capacity, new ClassBalanced(config.capacity), DrawPolicy.uniform(), rng.child("memory"));
    }

    private Model expandable(Model m, Schema schema, Rng rng) {
        return new ExpandedModel(
                r -> ((Classifier) config.net.backbone().build(schema, r)).body(),
                rng,
                ExpandedModel.width(m),
                ScalarType.Float);
    }

    private ExpandedModel expanded() {
        return (ExpandedModel) net.model();
    }

    @Override
    public Capabilities capabilities() {
        // with every part there is one more backbone
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.STORES_EXAMPLES);
    }

    @Override
    public void begin(Experience e) {
        if (net.columns().size() == 0) {
            return;
        }
        fresh = net.columns().missing(e.classes()).stream()
                .mapToInt(ClassIndex.Column::classId)
                .filter(id -> net.columns().columnOf(id) < 0)
                .toArray();
        net.change(() -> {
            expanded().expand(fresh.length == 0 ? 0 : fresh.length + 1);
            return null;
        });
        net.restart();
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        net.admit(b);
        Drawn past = memory.draw(config.replayBatch, net.draws("replay"));
        Batch both = past.after(b);
        Pass pass = net.pass();
        Tensor features = expanded().features(both.inputs(), pass);
        Tensor task = net.crossEntropy(expanded().head().forward(features, pass), both);
        Tensor logits = config.auxiliary == 0 ? null : expanded().auxiliary(features, pass);
        Tensor side = logits == null
                ? null
                : auxiliaryLoss(logits, both.classIds(), both.rows().weights(), fresh);
        Tensor loss = side == null ? task : task.add(side.mul(Tensors.scalar(config.auxiliary)));
        Step step = net.descend(loss);
        // what could not be learnt must not come back
        if (!step.skipped()) {
            memory.offer(b, Map.of());
        }
        StepReport r = net.report(loss, both.size(), step);
        return new StepReport(
                r.loss(),
                r.rows(),
                side == null
                        ? List.of(new Term("task", task.item_double()))
                        : List.of(new Term("task", task.item_double()), new Term("auxiliary", side.item_double())),
                r.events());
    }

    /**
     * Mean cross entropy of the auxiliary head.
     *
     * @param logits [n, 1 + new classes]: all old classes as one, then the new ones
     * @param classIds of the rows
     * @param weights of the rows or null
     * @param fresh the new classes, in the order of the logits
     */
    static Tensor auxiliaryLoss(Tensor logits, long[] classIds, Tensor weights, int[] fresh) {
        List<ClassIndex.Column> columns = new ArrayList<>();
        columns.add(new ClassIndex.Column(0, "old"));
        long[] target = new long[classIds.length];
        for (int k = 0; k < fresh.length; k++) {
            columns.add(new ClassIndex.Column(k + 1, "new " + fresh[k]));
            for (int i = 0; i < target.length; i++) {
                target[i] = classIds[i] == fresh[k] ? k + 1 : target[i];
            }
        }
        return new CrossEntropy()
                .value(new LossInput(
                        logits, Target.ClassIds.of(target), Rows.of(new long[target.length]), ClassIndex.of(columns)))
                .total(weights);
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        Footprint f = net.footprint(memory.bytes());
        return new Footprint(
                f.parameters() + expanded().frozenCount(), f.bytes(), expanded().frozen() + 1 + " x " + f.shape());
    }

    @Override
    public State state() {
        return new State().put("net", net).put("memory", memory).put("fresh", Tensors.ids(fresh));
    }

    @Override
    public void load(State saved) {
        Tensors.requireShape("saved classes of the part", saved.tensor("fresh"), -1);
        int[] newFresh = Tensors.ints(saved.tensor("fresh"));
        Snapshot.loadAll(saved, Map.of("net", net, "memory", memory));
        fresh = newFresh;
    }

    /** {@code der-expansion}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "der-expansion";
        }

        @Override
        public String summary() {
            return "a new backbone a part beside frozen ones, one head over all, learnt with stored rows";
        }

        @Override
        public String system() {
            return "47-cl-hyper-protocol";
        }

        @Override
        public String paper() {
            return "Yan et al. 2021, arXiv 2103.16788";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults(), 200, 16, 1);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("replayBatch", List.of(16, 32, 64)),
                    new Axis("auxiliary", List.of(0.5, 1.0, 1.5, 2.0, 3.0)));
        }

        @Override
        public DynamicExpansion create(Config config, Schema schema, Rng rng) {
            return new DynamicExpansion(config, schema, rng);
        }
    }
}
