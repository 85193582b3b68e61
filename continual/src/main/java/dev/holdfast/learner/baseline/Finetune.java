package dev.holdfast.learner.baseline;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import org.bytedeco.pytorch.Tensor;

/**
 * Plain supervised training on whatever arrives: the least that a continual learner must beat, and joint training when
 * everything arrives at once.
 */
public final class Finetune implements NetLearner, SplitsGradient {
    /** Network and optimizer. */
    public record Config(NetConfig net) {}

    private final Net net;

    public Finetune(Config config, Schema schema, Rng rng) {
        this.net = new Net(config.net, schema, rng.child("net"));
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        Tensor loss = net.crossEntropy(net.scores(b.inputs(), net.pass()), b);
        Step step = net.descend(loss);
        return net.report(loss, b.size(), step);
    }

    @Override
    public Split split(Batch b) {
        Net ahead = net.ahead(b);
        Tensor loss = ahead.crossEntropy(ahead.scores(b.inputs(), ahead.peek()), b);
        return Split.plastic(Autograd.grad(loss, ahead.parameters(), false), Stability.NONE);
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(0);
    }

    @Override
    public State state() {
        return new State().put("net", net);
    }

    @Override
    public void load(State saved) {
        net.load(saved.child("net"));
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
            return new Config(NetConfig.defaults());
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
            return new Config(NetConfig.defaults());
        }

        @Override
        public Finetune create(Config config, Schema schema, Rng rng) {
            return new Finetune(config, schema, rng);
        }
    }
}
