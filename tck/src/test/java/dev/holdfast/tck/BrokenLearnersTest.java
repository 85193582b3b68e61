package dev.holdfast.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
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
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The kit finds out learners that break a promise, each by the check of that promise. */
class BrokenLearnersTest {
    /** What is wrong with a learner that is otherwise plain training. */
    enum Fault {
        NONE,
        /** load leaves a counter behind. */
        FORGETS_STEP,
        /** Learns from how often learners were made in this process. */
        GLOBAL_STATE,
        /** Looks at rows after it has counted them. */
        COUNTS_BEFORE_IT_CHECKS,
        /** Never looks at its rows. */
        SWALLOWS_ANYTHING,
        /** Counts predictions in its state. */
        PREDICT_MOVES,
        /** Keeps something native of every batch. */
        LEAKS,
        /** Keeps rows and calls it bounded. */
        HOARDS,
        /** Goes through all former batches again at every batch. */
        SLOWS_DOWN,
        /** Reads rows again at the end of a part without saying so. */
        REREADS,
        /** Cannot do without begin and does not say so. */
        NEEDS_BEGIN,
        /** load changes one half before it refuses the other. */
        LOADS_BY_HALVES,
        /** load keeps the tensors that it was given. */
        SHARES_MEMORY,
        /** Keeps the network of every part. */
        KEEPS_PARTS,
        /** Says that it holds nothing. */
        MODEST,
        /** Keeps a tensor with its graph. */
        DRAGS_GRAPH,
        /** Says nothing of use before the first class. */
        SPEECHLESS,
        /** Scores are NaN. */
        NOT_FINITE
    }

    private record NoOptions() {}

    private static LearnerPlugin<NoOptions> plugin(Fault fault) {
        return new LearnerPlugin<>() {
            @Override
            public String name() {
                return "broken";
            }

            @Override
            public String summary() {
                return "breaks a promise";
            }

            @Override
            public NoOptions defaults() {
                return new NoOptions();
            }

            @Override
            public Learner create(NoOptions c, Schema schema, Rng rng) {
                return new Broken(fault, schema, rng);
            }
        };
    }

    private static final class Broken implements Learner {
        private static int made;

        private final Fault fault;
        private final Net net;
        private final List<Tensor> kept = new ArrayList<>();
        private Tensor extra = Scope.own(Tensors.of(new double[] {0, 0}, 2));
        private long count;
        private boolean begun;

        Broken(Fault fault, Schema schema, Rng rng) {
            this.fault = fault;
            this.net = new Net(NetConfig.defaults(), schema, rng.child("net"));
            this.count = fault == Fault.GLOBAL_STATE ? made++ : 0;
        }

        @Override
        public Capabilities capabilities() {
            return Capabilities.of(Trait.BOUNDED_MEMORY);
        }

        @Override
        public void begin(Experience e) {
            begun = true;
        }

        @Override
        public StepReport learn(Batch b) {
            if (fault == Fault.NEEDS_BEGIN && !begun) {
                throw new IllegalStateException("begin was never called, so there is no task to learn.");
            }
            if (fault == Fault.COUNTS_BEFORE_IT_CHECKS) {
                count += b.size();
            }
            if (fault == Fault.SWALLOWS_ANYTHING) {
                try {
                    net.admit(b);
                } catch (IllegalArgumentException e) {
                    return new StepReport(0, 0);
                }
            }
            net.admit(b);
            Tensor scores = net.scores(b.inputs(), net.pass());
            Tensor loss = net.crossEntropy(scores, b);
            if (fault == Fault.DRAGS_GRAPH) {
                extra = Scope.own(extra.add(loss));
            }
            StepReport r = net.report(loss, b.size(), net.descend(loss));
            if (fault == Fault.FORGETS_STEP) {
                count++;
            }
            if (fault == Fault.LEAKS || fault == Fault.SLOWS_DOWN) {
                kept.add(Scope.own(Tensors.copy(loss)));
            }
            if (fault == Fault.HOARDS) {
                kept.add(Scope.own(Tensors.copy(b.inputs().x())));
            }
            if (fault == Fault.SLOWS_DOWN) {
                for (int i = 0; i < 20; i++) {
                    kept.forEach(t -> t.mul(t));
                }
            }
            return r;
        }

        @Override
        public void end(Experience e) {
            if (fault == Fault.KEEPS_PARTS) {
                for (Tensor t : net.teacher().parameters().tensors()) {
                    kept.add(t);
                }
            }
            if (fault == Fault.REREADS) {
                e.train().batches(Pace.inOrder(100), Rng.of(1)).next();
            }
        }

        @Override
        public Prediction predict(Inputs x) {
            if (fault == Fault.PREDICT_MOVES) {
                count++;
            }
            if (fault == Fault.SPEECHLESS && net.columns().size() == 0) {
                throw new NullPointerException();
            }
            Prediction p = net.predict(x);
            return fault == Fault.NOT_FINITE
                    ? new Prediction(p.scores().div(Tensors.scalar(0)), p.columns(), p.kind())
                    : p;
        }

        @Override
        public Footprint footprint() {
            return fault == Fault.MODEST ? new Footprint(0, 0, "next to nothing") : net.footprint(0);
        }

        @Override
        public State state() {
            State s = new State().put("net", net).put("count", count).put("extra", extra);
            for (int i = 0; i < kept.size() && fault == Fault.HOARDS; i++) {
                s.put("kept." + i, kept.get(i));
            }
            return s;
        }

        @Override
        public void load(State saved) {
            if (fault == Fault.LOADS_BY_HALVES) {
                count = saved.integer("count");
                net.load(saved.child("net"));
                Tensors.requireShape("saved extra", saved.tensor("extra"), 2);
                return;
            }
            Tensor e = saved.tensor("extra");
            Tensors.requireShape("saved extra", e, 2);
            long c = saved.integer("count");
            net.load(saved.child("net"));
            count = fault == Fault.FORGETS_STEP ? 0 : c;
            extra = fault == Fault.SHARES_MEMORY ? e : Scope.own(Tensors.copy(e));
            kept.clear();
            saved.child("kept").tensors().values().forEach(t -> kept.add(Scope.own(Tensors.copy(t))));
        }
    }

    private static List<String> broken(Fault fault) {
        List<String> names = new ArrayList<>();
        for (Check c : LearnerContract.of(plugin(fault)).checks()) {
            try {
                c.run();
            } catch (Throwable e) {
                if (c.name().endsWith("(vectors)")) {
                    names.add(c.name().replace(" (vectors)", ""));
                }
            }
        }
        return names;
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                Arguments.of(Fault.FORGETS_STEP, "resumes at any step with the same bits"),
                Arguments.of(Fault.FORGETS_STEP, "resumes from a file with the same bits"),
                Arguments.of(Fault.GLOBAL_STATE, "is a function of configuration, seed and rows"),
                Arguments.of(Fault.COUNTS_BEFORE_IT_CHECKS, "refuses NaN and stays as it was"),
                Arguments.of(Fault.COUNTS_BEFORE_IT_CHECKS, "refuses rows that are too wide and stays as it was"),
                Arguments.of(Fault.SWALLOWS_ANYTHING, "refuses infinity and stays as it was"),
                Arguments.of(Fault.SWALLOWS_ANYTHING, "refuses a class that was not declared and stays as it was"),
                Arguments.of(Fault.PREDICT_MOVES, "predicts without changing anything"),
                Arguments.of(Fault.PREDICT_MOVES, "predicts while it learns"),
                Arguments.of(Fault.LEAKS, "leaves native memory flat from step to step"),
                Arguments.of(Fault.KEEPS_PARTS, "leaves native memory flat from part to part"),
                Arguments.of(Fault.HOARDS, "holds no more bytes after more rows of known classes"),
                Arguments.of(Fault.HOARDS, "keeps no row of the stream"),
                Arguments.of(Fault.MODEST, "reports a footprint that is about its state"),
                Arguments.of(Fault.SLOWS_DOWN, "does the same work for a batch late in the stream as early"),
                Arguments.of(Fault.REREADS, "learns from rows that pass by once"),
                Arguments.of(Fault.NEEDS_BEGIN, "learns without being told boundaries"),
                Arguments.of(Fault.LOADS_BY_HALVES, "refuses foreign and damaged states and stays as it was"),
                Arguments.of(Fault.SHARES_MEMORY, "shares nothing with a state that it loaded"),
                Arguments.of(Fault.DRAGS_GRAPH, "keeps no graph alive in its state"),
                Arguments.of(Fault.SPEECHLESS, "says clearly that it cannot predict before any class was seen"),
                Arguments.of(Fault.NOT_FINITE, "scores every class seen so far"));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void areFoundOut(Fault fault, String promise) {
        assertThatCode(() -> check(Fault.NONE, promise).run())
                .as("the same learner without the fault")
                .doesNotThrowAnyException();
        assertThatCode(() -> check(fault, promise).run()).isInstanceOf(AssertionError.class);
    }

    private static Check check(Fault fault, String promise) {
        return LearnerContract.of(plugin(fault)).checks().stream()
                .filter(c -> c.name().equals(promise + " (vectors)"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("There is no check '" + promise + "'."));
    }

    @Test
    void aLearnerWithoutFaultKeepsEveryPromise() {
        assertThat(broken(Fault.NONE)).isEmpty();
    }

    @Test
    void oneFaultDoesNotSpoilUnrelatedPromises() {
        assertThat(broken(Fault.REREADS)).containsExactly("learns from rows that pass by once");
        assertThat(broken(Fault.LEAKS))
                .containsExactly(
                        "leaves native memory flat from step to step", "leaves native memory flat from part to part");
    }

    @Test
    void aLearnerThatAdmitsNoneOfTheRowsIsTold() {
        LearnerPlugin<NoOptions> choosy = new LearnerPlugin<>() {
            @Override
            public String name() {
                return "choosy";
            }

            @Override
            public String summary() {
                return "takes sequences only";
            }

            @Override
            public NoOptions defaults() {
                return new NoOptions();
            }

            @Override
            public Learner create(NoOptions c, Schema schema, Rng rng) {
                throw new IllegalArgumentException("Only sequences can be learnt.");
            }
        };
        List<Check> checks = LearnerContract.of(choosy).checks();
        assertThat(checks).hasSize(1);
        assertThatCode(() -> checks.get(0).run())
                .hasMessageContaining("Only sequences")
                .hasMessageContaining("over(");
    }
}
