package dev.holdfast.evaluate;

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
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** A small learner that writes down what happens to it, and a plugin to run it by. */
final class Toys {
    private Toys() {}

    record Options(int failAt) {}

    /** Plain training of a small network. */
    static class Plain implements Learner {
        final Net net;
        final List<String> calls = new ArrayList<>();
        private final Set<Trait> traits;
        private final int failAt;
        private int learnt;

        Plain(Schema schema, Rng rng, int failAt, Trait... traits) {
            this.net = new Net(NetConfig.defaults(), schema, rng.child("net"));
            this.failAt = failAt;
            this.traits = Set.of(traits);
        }

        @Override
        public Capabilities capabilities() {
            return new Capabilities(traits);
        }

        @Override
        public void begin(Experience e) {
            calls.add("begin " + e.index());
        }

        @Override
        public StepReport learn(Batch b) {
            if (learnt++ == failAt) {
                throw new IllegalStateException("The toy broke at batch " + failAt + ".");
            }
            calls.add("learn " + b.size() + " of task " + b.task());
            net.admit(b);
            Tensor loss = net.crossEntropy(net.scores(b.inputs(), net.pass()), b);
            return net.report(loss, b.size(), net.descend(loss));
        }

        @Override
        public void end(Experience e) {
            calls.add("end " + e.index());
            if (traits.contains(Trait.REREADS)) {
                e.train().batches(e.pace(), Rng.of(1)).next();
            }
        }

        @Override
        public Prediction predict(Inputs x) {
            return net.predict(x);
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
    }

    /** A plugin of such learners. */
    record Plugin(UnaryOperator<Scenario> arranged, Trait... traits) implements LearnerPlugin<Options> {
        Plugin(Trait... traits) {
            this(s -> s, traits);
        }

        @Override
        public String name() {
            return "toy";
        }

        @Override
        public String summary() {
            return "plain training of a small network";
        }

        @Override
        public Options defaults() {
            return new Options(-1);
        }

        @Override
        public Scenario arrange(Scenario s) {
            return arranged.apply(s);
        }

        @Override
        public Learner create(Options c, Schema schema, Rng rng) {
            return new Plain(schema, rng, c.failAt, traits);
        }
    }
}
