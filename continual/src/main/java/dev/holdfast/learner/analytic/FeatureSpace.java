package dev.holdfast.learner.analytic;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.Pass;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.function.BiConsumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Frozen features [n, D], float64, below a closed-form head: the inputs themselves (embeddings, tables, pixels), or the
 * body of a network that is trained on the first part of the stream and never moves again.
 */
public final class FeatureSpace implements Stateful {
    /** Where features come from. */
    public enum Extractor {
        /** The inputs, flattened. */
        INPUTS,
        /** The body of a network trained on the first part, frozen when that part ends. */
        FIRST_PART
    }

    /**
     * @param extractor where features come from
     * @param net the network to train with FIRST_PART; its head is thrown away
     */
    public record Config(
            @Doc("the inputs, or a network trained on the first part and frozen") Extractor extractor, NetConfig net) {
        public static Config inputs() {
            return new Config(Extractor.INPUTS, NetConfig.defaults());
        }
    }

    private final Config config;
    private final Schema schema;
    private final Net net;
    private volatile boolean frozen;

    FeatureSpace(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.schema = schema;
        this.net = config.extractor == Extractor.FIRST_PART ? new Net(config.net, schema, rng.child("net")) : null;
        this.frozen = net == null;
    }

    /** True once features will not change any more. */
    boolean frozen() {
        return frozen;
    }

    boolean trains() {
        return net != null;
    }

    /** D. */
    long width() {
        if (net != null) {
            try (Scope s = Scope.open()) {
                long[] shape = schema.inputs().get(0).shape().stream()
                        .mapToLong(Long::longValue)
                        .toArray();
                long[] one = new long[shape.length + 1];
                one[0] = 1;
                System.arraycopy(shape, 0, one, 1, shape.length);
                return features(Inputs.of(Tensors.zeros(ScalarType.Float, one))).size(1);
            }
        }
        return schema.inputs().get(0).shape().stream().reduce(1L, (a, b) -> a * b);
    }

    /** One training step of the extractor, before it is frozen. */
    StepReport train(Batch b) {
        net.admit(b);
        Tensor loss = net.crossEntropy(net.scores(b.inputs(), net.pass()), b);
        return net.report(loss, b.size(), net.descend(loss));
    }

    /** What the network says before it is frozen. */
    Prediction predict(Inputs x) {
        return net.predict(x);
    }

    void freeze() {
        frozen = true;
    }

    /** Features [n, D] float64 without graph, in the caller's scope. */
    Tensor features(Inputs x) {
        try (var mode = Autograd.noGrad()) {
            Tensor f = net != null ? net.model().features(x, Pass.eval()) : x.x().reshape(x.size(), -1);
            return f.to(ScalarType.Double);
        }
    }

    /** Every row of {@code data} once, in stored order, as features and class ids. */
    void each(DataSource data, BiConsumer<Tensor, long[]> rows) {
        long width = width();
        var batches = data.batches(Pace.inOrder(256), Rng.of(0));
        while (batches.hasNext()) {
            try (Scope s = Scope.open()) {
                Batch b = batches.next();
                Tensor f = features(b.inputs());
                Tensors.requireShape("The matrix of features of a part", f, b.size(), width);
                rows.accept(f, b.classIds());
            }
        }
    }

    /** Bytes of the extractor, 0 for plain inputs. */
    long bytes() {
        return net == null ? 0 : net.footprint(0).bytes();
    }

    long parameters() {
        return net == null ? 0 : net.parameters().count();
    }

    String describe() {
        return net == null ? "inputs" : config.net.backbone().describe(schema) + " trained on the first part";
    }

    @Override
    public State state() {
        State s = new State().put("frozen", Boolean.toString(frozen));
        return net == null ? s : s.put("net", net);
    }

    @Override
    public void load(State saved) {
        boolean newFrozen = saved.flag("frozen");
        if (net == null && !newFrozen) {
            throw new IllegalArgumentException("The saved learner trains its features but this one takes the inputs as"
                    + " they are.\nMaybe features.extractor=FIRST_PART is meant.");
        }
        if (net != null) {
            net.load(saved.child("net"));
        }
        frozen = newFrozen;
    }
}
