package dev.holdfast.learner.baseline;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Admission;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Cumulative training: keeps every row and, whenever a part ends, trains a fresh network on all of them. What retraining
 * from scratch costs and reaches.
 */
public final class JointSoFar implements Learner {
    /** Network and optimizer of every retraining. */
    public record Config(NetConfig net) {}

    private final Config config;
    private final Schema schema;
    private final Rng rng;
    private final Admission admission;

    /** Rows kept, in order of arrival, as they came: inputs and class ids. */
    private final List<Tensor> inputs = new ArrayList<>();

    private final List<Tensor> classIds = new ArrayList<>();
    private int retrainings;
    private volatile Net net;

    public JointSoFar(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.schema = schema;
        this.rng = rng;
        this.admission = new Admission(schema);
        this.net = fresh(0);
    }

    private Net fresh(int number) {
        return new Net(config.net, schema, rng.child("net", number));
    }

    private String field() {
        return schema.inputs().get(0).name();
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.LEARNS_AT_END, Trait.STORES_EXAMPLES);
    }

    @Override
    public StepReport learn(Batch b) {
        admission.labelled(b);
        if (b.rows().epoch() > 0) {
            return new StepReport(Double.NaN, 0);
        }
        Tensor x = b.inputs().tensor(field());
        if (!inputs.isEmpty()
                && inputs.get(0).scalar_type().intern() != x.scalar_type().intern()) {
            throw new IllegalArgumentException("Field '" + field() + "' comes as "
                    + x.scalar_type().intern() + " but earlier rows came as "
                    + inputs.get(0).scalar_type().intern() + ".\nMaybe two sources are mixed that read numbers"
                    + " differently.");
        }
        inputs.add(Scope.own(Tensors.copy(x)));
        classIds.add(Scope.own(Tensors.copy(((Target.ClassIds) b.target()).ids())));
        return new StepReport(Double.NaN, b.size());
    }

    @Override
    public void end(Experience e) {
        if (inputs.isEmpty()) {
            throw new IllegalStateException("A part ended before any of its rows was learnt.");
        }
        int number = retrainings + 1;
        Net trained = fresh(number);
        try (Scope all = Scope.open()) {
            MemoryDataset rows = MemoryDataset.of(
                    schema,
                    Inputs.of(Map.of(field(), Tensors.cat(0, inputs.toArray(new Tensor[0])))),
                    new Target.ClassIds(Tensors.cat(0, classIds.toArray(new Tensor[0]))));
            Loader batches = rows.batches(e.pace(), rng.child("order", number));
            while (batches.hasNext()) {
                try (Scope s = Scope.open()) {
                    Batch b = batches.next();
                    trained.admit(b);
                    trained.descend(trained.crossEntropy(trained.scores(b.inputs(), trained.pass()), b));
                }
            }
            rows.close();
        }
        retrainings = number;
        net = trained;
    }

    @Override
    public Prediction predict(Inputs x) {
        return net.predict(x);
    }

    @Override
    public Footprint footprint() {
        long rows = 0;
        for (int i = 0; i < inputs.size(); i++) {
            rows += inputs.get(i).nbytes() + classIds.get(i).nbytes();
        }
        return net.footprint(rows);
    }

    @Override
    public State state() {
        State s = new State().put("retrainings", retrainings).put("net", net);
        if (!inputs.isEmpty()) {
            s.put("inputs", Tensors.cat(0, inputs.toArray(new Tensor[0])));
            s.put("classIds", Tensors.cat(0, classIds.toArray(new Tensor[0])));
        }
        return s;
    }

    @Override
    public void load(State saved) {
        int newRetrainings = Math.toIntExact(saved.integer("retrainings"));
        Net loaded = fresh(newRetrainings);
        loaded.load(saved.child("net"));
        Tensor x = null;
        Tensor y = null;
        if (saved.has("inputs") || saved.has("classIds")) {
            x = saved.tensor("inputs");
            y = saved.tensor("classIds");
            admission.labelled(new Batch(
                    Inputs.of(Map.of(field(), x)), new Target.ClassIds(y), Rows.of(new long[(int) y.numel()])));
        }
        close();
        inputs.clear();
        classIds.clear();
        if (x != null) {
            inputs.add(Scope.own(Tensors.copy(x)));
            classIds.add(Scope.own(Tensors.copy(y)));
        }
        retrainings = newRetrainings;
        net = loaded;
    }

    @Override
    public void close() {
        inputs.forEach(Tensor::close);
        classIds.forEach(Tensor::close);
    }

    /** {@code cumulative}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "cumulative";
        }

        @Override
        public String summary() {
            return "retrains from scratch on everything so far at the end of every part";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public Role role() {
            return Role.BOUND;
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults());
        }

        @Override
        public JointSoFar create(Config config, Schema schema, Rng rng) {
            return new JointSoFar(config, schema, rng);
        }
    }
}
