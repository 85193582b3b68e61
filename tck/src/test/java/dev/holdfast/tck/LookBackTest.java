package dev.holdfast.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.testing.Clouds;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The learner of docs/writing-a-learner.md, as a user would write and test it. */
class LookBackTest {
    @TestFactory
    Stream<DynamicTest> keepsTheContract() {
        return LearnerContract.of(new LookBack.Plugin()).tests();
    }

    @TestFactory
    Stream<DynamicTest> keepsTheContractOnRowsOfItsOwn() {
        Dataset train = Clouds.of(5, 10, 3, 1, "train");
        return LearnerContract.of(new LookBack.Plugin())
                .over("five clouds", train, Clouds.of(5, 2, 3, 1, "test"))
                .tests();
    }

    @Test
    void tooFewRowsAreRefused() {
        Dataset few = Clouds.of(3, 3, 2, 1, "train");
        LearnerContract<LookBack.Config> c = LearnerContract.of(new LookBack.Plugin());
        assertThatThrownBy(() -> c.over("few", few, few)).hasMessageContaining("3 classes");
        assertThat(c.checks()).extracting(Check::name).doesNotHaveDuplicates();
    }

    /** Plain training that looks back at one stored batch. */
    static final class LookBack implements Learner {
        record Config(NetConfig net, @Doc("rows in the memory") int capacity) {
            Config {
                if (capacity < 1) {
                    throw new IllegalArgumentException("capacity must be >= 1 but is " + capacity + ".");
                }
            }
        }

        private final Net net;
        private final ReplayBuffer memory;

        LookBack(Config config, Schema schema, Rng rng) {
            this.net = new Net(config.net(), schema, rng.child("net"));
            this.memory = ReplayBuffer.reservoir(config.capacity(), rng.child("memory"));
        }

        @Override
        public Capabilities capabilities() {
            return Capabilities.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
        }

        @Override
        public StepReport learn(Batch b) {
            memory.requireFits(b);
            net.admit(b);
            Batch both = memory.draw(16, net.draws("replay")).after(b);
            Tensor loss = net.crossEntropy(net.scores(both.inputs(), net.pass()), both);
            Step step = net.descend(loss);
            if (!step.skipped()) {
                memory.offer(b, Map.of());
            }
            return net.report(loss, both.size(), step);
        }

        @Override
        public Prediction predict(Inputs x) {
            return net.predict(x);
        }

        @Override
        public Footprint footprint() {
            return net.footprint(memory.bytes());
        }

        @Override
        public State state() {
            return new State().put("net", net).put("memory", memory);
        }

        @Override
        public void load(State saved) {
            Snapshot.loadAll(saved, Map.of("net", net, "memory", memory));
        }

        static final class Plugin implements LearnerPlugin<Config> {
            @Override
            public String name() {
                return "look-back";
            }

            @Override
            public String summary() {
                return "learns every batch together with stored rows";
            }

            @Override
            public Config defaults() {
                return new Config(NetConfig.defaults(), 200);
            }

            @Override
            public LookBack create(Config c, Schema schema, Rng rng) {
                return new LookBack(c, schema, rng);
            }
        }
    }
}
