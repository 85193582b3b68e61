package dev.holdfast.learner.baseline;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.SampleEstimates;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Plain supervised training on whatever arrives, with the loss of one's choice: the least that a continual learner must
 * beat, and joint training when everything arrives at once. Rows with label sets need a loss of sigmoid logits.
 */
public final class Finetune implements NetLearner, SplitsGradient, SampleEstimates {
    /** Network, optimizer and loss. */
    public record Config(NetConfig net, @Doc("what is made small") LossConfig loss) {
        /** With cross entropy. */
        public static Config of(NetConfig net) {
            return new Config(net, new CrossEntropy.Config());
        }
    }

    private final Net net;
    private final Loss loss;
    private final boolean remembersSamples;
    private final boolean sets;

    public Finetune(Config config, Schema schema, Rng rng) {
        this.loss = config.loss.build(schema);
        // a loss of yes or no to each label teaches label sets, too
        this.sets = schema.target() == Target.MultiLabel.class && loss.expects() == Prediction.Kind.SIGMOID_LOGITS;
        this.net = new Net(config.net, schema, rng.child("net"), sets ? HeadSpec.binary() : HeadSpec.linear());
        this.remembersSamples = config.loss.remembersSamples();
    }

    @Override
    public Capabilities capabilities() {
        Set<Trait> traits = EnumSet.noneOf(Trait.class);
        if (!remembersSamples) {
            traits.add(Trait.BOUNDED_MEMORY);
        }
        if (sets) {
            traits.add(Trait.MULTI_LABEL);
        }
        return new Capabilities(traits);
    }

    @Override
    public StepReport learn(Batch b) {
        loss.requireFits(b.rows());
        net.admit(b);
        LossInput in = net.lossInput(net.scores(b.inputs(), net.pass()), b);
        // a prediction that is no number teaches a memory nothing; the step below is then refused and reported
        if (!(loss instanceof Stateless) && Tensors.finite(in.scores())) {
            loss.observe(in);
        }
        LossValue value = loss.value(in);
        Tensor total = value.total(b.rows().weights());
        Step step = net.descend(total);
        StepReport r = net.report(total, b.size(), step);
        return loss instanceof Stateless ? r : new StepReport(r.loss(), r.rows(), value.parts(), r.events());
    }

    /** What is made small, with what it remembers. */
    public Loss loss() {
        return loss;
    }

    /** The running targets of a loss that keeps them. */
    @Override
    public Optional<Estimates> sampleEstimates() {
        return loss instanceof EarlyLearning e && e.targets() != null
                ? Optional.of(Estimates.of(e.targets(), net.columns()))
                : Optional.empty();
    }

    /** The configured loss over data. Where it remembers samples, ids must be those of the training data. */
    @Override
    public Objective objective(DataSource data) {
        return net.objective(data, crossEntropy -> loss);
    }

    @Override
    public Split split(Batch b) {
        loss.requireFits(b.rows());
        Net ahead = net.ahead(b);
        LossInput in = ahead.lossInput(ahead.scores(b.inputs(), ahead.peek()), b);
        State before = loss instanceof Stateless ? null : loss.state().copy();
        try {
            if (before != null && Tensors.finite(in.scores())) {
                loss.observe(in);
            }
            Tensor total = loss.value(in).total(b.rows().weights());
            return Split.plastic(Autograd.grad(total, ahead.parameters(), false), Stability.NONE);
        } finally {
            // a look ahead leaves no trace in the memory of the loss
            if (before != null) {
                loss.load(before);
            }
        }
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        long kept = loss.state().tensors().values().stream()
                .mapToLong(Tensor::nbytes)
                .sum();
        return net.footprint(kept);
    }

    @Override
    public State state() {
        return new State().put("net", net).put("loss", loss);
    }

    @Override
    public void load(State saved) {
        Snapshot.loadAll(saved, Map.of("net", net, "loss", loss));
    }

    /** {@code finetune}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "finetune";
        }

        @Override
        public String summary() {
            return "plain training on what arrives; forgets";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public Role role() {
            return Role.BASELINE;
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults());
        }

        /** One for every other loss, {@code finetune:gce}. */
        @Override
        public Map<String, Config> presets() {
            Map<String, Config> presets = new LinkedHashMap<>();
            LossConfig.all().forEach((kind, loss) -> {
                if (!(loss instanceof CrossEntropy.Config)) {
                    presets.put(kind, new Config(NetConfig.defaults(), loss));
                }
            });
            return presets;
        }

        @Override
        public Finetune create(Config config, Schema schema, Rng rng) {
            return new Finetune(config, schema, rng);
        }
    }

    /** {@code joint}: the same training, but on all parts at once. */
    public static final class JointPlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "joint";
        }

        @Override
        public String summary() {
            return "plain training on all parts at once: what is reached without a stream";
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
        public Scenario arrange(Scenario s) {
            return Joint.of(s);
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults());
        }

        @Override
        public Finetune create(Config config, Schema schema, Rng rng) {
            return new Finetune(config, schema, rng);
        }
    }
}
