package dev.holdfast.learner.noisy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Rows;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.SampleEstimates;
import dev.holdfast.learner.SampleEstimates.Suspect;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class ElrTest {
    private static final int CLASSES = 6;
    private static final int ALL = 1000;

    private static Dataset data() {
        return Clouds.of(CLASSES, 10, 5, 1, "train");
    }

    private static NetConfig net() {
        return new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 16), OptimizerConfig.sgd(0.1, 0.9), false);
    }

    private static Rng rng() {
        return Rng.of(9).child("learner");
    }

    private static Finetune finetune(LossConfig loss) {
        return new Finetune(new Finetune.Config(net(), loss), data().schema(), rng());
    }

    private static ElrPlus.Config plus(boolean two, boolean average, double share, double mixup) {
        return new ElrPlus.Config(
                net(),
                new EarlyLearning.Config().withoutClamp(),
                two,
                average,
                share,
                0,
                mixup,
                ElrPlus.Turns.PASS,
                ElrPlus.Voters.NETWORKS);
    }

    private static ElrPlus elrPlus(ElrPlus.Config c) {
        return new ElrPlus(c, data().schema(), rng());
    }

    private static Scenario newClasses() {
        return ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.SEEDED, false, Dealing.offline(2, 6)),
                data(),
                data(),
                Rng.of(2));
    }

    private static void run(Learner l, Scenario s, int steps) {
        Run r = new Run(l, s, List.of(), new MetricLog(), Rng.of(3));
        for (int i = 0; i < steps; i++) {
            r.advance();
        }
    }

    private static Batch batch(int epoch, int... at) {
        Batch b = data().rows(at);
        return new Batch(b.inputs(), b.target(), new Rows(b.rows().ids(), null, null, epoch, 0));
    }

    @Test
    void withLambdaZeroItIsFinetuningToTheBitAndStillKeepsTargets() {
        Finetune elr = finetune(new EarlyLearning.Config(0.7, 0));
        Finetune plain = finetune(new CrossEntropy.Config());
        run(elr, newClasses(), ALL);
        run(plain, newClasses(), ALL);
        assertThat(elr.state().child("net").sameAs(plain.state().child("net"))).isTrue();
        assertThat(elr.sampleEstimates().orElseThrow().ids()).hasSize((int) data().size());
        assertThat(plain.sampleEstimates()).isEmpty();
    }

    @Test
    void otherwiseItIsNot() {
        Finetune elr = finetune(new EarlyLearning.Config());
        Finetune plain = finetune(new CrossEntropy.Config());
        run(elr, newClasses(), ALL);
        run(plain, newClasses(), ALL);
        assertThat(elr.state().child("net").sameAs(plain.state().child("net"))).isFalse();
    }

    /** One network that follows its own average of share 0, without mixup, is ELR without the clamp, to the bit. */
    @Test
    void withoutItsPartsElrPlusIsElr() {
        for (boolean average : new boolean[] {false, true}) {
            ElrPlus plus = elrPlus(plus(false, average, 0, 0));
            Finetune elr = finetune(new EarlyLearning.Config().withoutClamp());
            try (Scope s = Scope.open()) {
                elr.net().model().load(plus.nets().get(0).model().state());
            }
            // all classes in one part
            Scenario s = Joint.of(Dealing.offline(3, 6), data(), data());
            Batch known = batch(0, IntStream.range(0, CLASSES).toArray());
            for (Learner l : List.of(plus, elr)) {
                try (Scope scope = Scope.open()) {
                    l.learn(known);
                }
            }
            try (Scope scope = Scope.open()) {
                // the heads were drawn from different streams
                elr.load(replaced(elr.state(), "net.model.", plus.state(), "nets.0.model."));
                elr.load(replaced(elr.state(), "net.optimizer.", plus.state(), "nets.0.optimizer."));
                elr.load(replaced(elr.state(), "loss.", plus.state(), "loss0."));
                if (average) {
                    plus.load(replaced(plus.state(), "average0.model.", plus.state(), "nets.0.model."));
                }
            }
            run(plus, s, ALL);
            run(elr, s, ALL);
            try (Scope scope = Scope.open()) {
                assertThat(elr.state().child("net.model").sameAs(plus.state().child("nets.0.model")))
                        .isTrue();
                assertThat(elr.state().child("loss").sameAs(plus.state().child("loss0")))
                        .isTrue();
            }
        }
    }

    /** The tensors under one prefix taken from those under another prefix of another state. */
    private static State replaced(State in, String prefix, State from, String other) {
        State s = new State();
        in.tensors()
                .forEach((k, t) ->
                        s.put(k, k.startsWith(prefix) ? from.tensor(other + k.substring(prefix.length())) : t));
        in.values().forEach(s::put);
        return s;
    }

    /** Equal networks believe the same, so A's first step is one of ELR. */
    @Test
    void equalPeersFeedWhatAnOwnPredictionWould() {
        ElrPlus plus = elrPlus(plus(true, true, 0, 0));
        ElrPlus alone = elrPlus(plus(false, false, 0, 0));
        Batch b = batch(0, 0, 1, 2, 3, 4, 5);
        try (Scope s = Scope.open()) {
            plus.learn(b);
            alone.learn(b);
            State equal = plus.state();
            for (String part : List.of("nets.1.model.", "average0.model.", "average1.model.")) {
                equal = replaced(equal, part, alone.state(), "nets.0.model.");
            }
            equal = replaced(equal, "nets.0.", alone.state(), "nets.0.");
            equal = replaced(equal, "loss0.", alone.state(), "loss0.");
            plus.load(equal);
            Batch next = batch(0, 6, 7, 8, 9, 10, 11);
            plus.learn(next);
            alone.learn(next);
            assertThat(plus.state().child("nets.0.model").sameAs(alone.state().child("nets.0.model")))
                    .isTrue();
            assertThat(plus.state().child("loss0").sameAs(alone.state().child("loss0")))
                    .isTrue();
        }
    }

    @Test
    void passesTakeTurnsAndSoDoBatches() {
        ElrPlus l = elrPlus(plus(true, true, 0.9, 1));
        try (Scope s = Scope.open()) {
            l.learn(batch(0, 0, 1, 2));
            l.learn(batch(0, 3, 4, 5));
            assertThat(l.nets().get(0).step()).isEqualTo(2);
            assertThat(l.nets().get(1).step()).isZero();
            l.learn(batch(1, 0, 1, 2));
            assertThat(l.nets().get(0).step()).isEqualTo(2);
            assertThat(l.nets().get(1).step()).isEqualTo(1);
            l.learn(batch(2, 0, 1, 2));
            assertThat(l.nets().get(0).step()).isEqualTo(3);
        }
        ElrPlus.Config c = plus(true, true, 0.9, 1);
        ElrPlus batches = elrPlus(new ElrPlus.Config(
                c.net(), c.elr(), true, true, 0.9, 0, 1, ElrPlus.Turns.BATCH, ElrPlus.Voters.NETWORKS));
        try (Scope s = Scope.open()) {
            batches.learn(batch(0, 0, 1, 2));
            batches.learn(batch(0, 3, 4, 5));
            batches.learn(batch(0, 6, 7, 8));
        }
        assertThat(batches.nets().get(0).step()).isEqualTo(2);
        assertThat(batches.nets().get(1).step()).isEqualTo(1);
    }

    @Test
    void targetsAreThePeersBeliefAboutTheRowsAsTheyCame() {
        ElrPlus l = elrPlus(plus(true, false, 0, 1));
        Batch b = batch(0, 0, 1, 2, 3, 4, 5);
        try (Scope s = Scope.open()) {
            l.learn(b);
            SampleEstimates.Estimates first = l.sampleEstimates().orElseThrow();
            double[][] peer = Tensors.rows(
                    l.nets().get(1).scores(b.inputs(), Pass.eval()).detach().softmax(1));
            for (int i = 0; i < peer.length; i++) {
                assertThat(first.p()[i]).containsExactly(peer[i], within(1e-6));
            }
        }
    }

    @Test
    void predictionsAreTheMeanOfTheLogits() {
        for (ElrPlus.Voters voters : ElrPlus.Voters.values()) {
            ElrPlus.Config c = plus(true, true, 0.9, 1);
            ElrPlus l = elrPlus(new ElrPlus.Config(c.net(), c.elr(), true, true, 0.9, 0, 1, c.turns(), voters));
            run(l, newClasses(), 9);
            try (Scope s = Scope.open()) {
                var x = data().rows(1, 8, 30).inputs();
                double[][] a = Tensors.rows(l.nets().get(0).predict(x).scores());
                double[][] b = Tensors.rows(l.nets().get(1).predict(x).scores());
                double[][] p = Tensors.rows(l.predict(x).scores());
                boolean mean = true;
                for (int i = 0; i < p.length; i++) {
                    for (int k = 0; k < p[i].length; k++) {
                        mean &= Math.abs(p[i][k] - (a[i][k] + b[i][k]) / 2) < 1e-6;
                    }
                }
                assertThat(mean).isEqualTo(voters == ElrPlus.Voters.NETWORKS);
            }
        }
    }

    /** An average of share 0 is the network after each step, also when the head has grown. */
    @Test
    void averagesGrowWithTheirNetworks() {
        ElrPlus l = elrPlus(plus(true, true, 0, 1));
        run(l, newClasses(), ALL);
        try (Scope s = Scope.open()) {
            for (int i = 0; i < 2; i++) {
                assertThat(l.state()
                                .child("average" + i + ".model")
                                .sameAs(l.state().child("nets." + i + ".model")))
                        .isTrue();
            }
        }
        // a class that appears in B's pass gives A's average A's new weights, and leaves its old ones
        ElrPlus slow = elrPlus(plus(true, true, 0.999, 0));
        try (Scope s = Scope.open()) {
            slow.learn(batch(0, 0, 1));
            State before = slow.state().copy();
            slow.learn(batch(1, 2, 3));
            slow.state().child("average0.model").tensors().forEach((name, t) -> {
                var old = before.tensor("average0.model." + name);
                var now = slow.state().tensor("nets.0.model." + name);
                long had = old.size(0);
                assertThat(Tensors.bytes(Tensors.slice(t, 0, had))).isEqualTo(Tensors.bytes(old));
                assertThat(Tensors.bytes(Tensors.slice(t, had, t.size(0))))
                        .isEqualTo(Tensors.bytes(Tensors.slice(now, had, now.size(0))));
            });
        }
    }

    /** On separable rows with three labels in ten wrong, the targets find nearly all of them and little else. */
    @Test
    void suspectsAreTheMislabelledRows() {
        Dataset clean = Clouds.of(CLASSES, 60, 8, 1, "train");
        WithTruth<NoiseTruth> noisy = LabelNoise.symmetricOther(0.3).apply(clean, Rng.of(4));
        NetConfig net =
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 64), OptimizerConfig.sgd(0.05, 0.9), true);
        Finetune elr = new Finetune(new Finetune.Config(net, new EarlyLearning.Config()), clean.schema(), rng());
        ElrPlus plus = new ElrPlus(ElrPlus.Config.of(net), clean.schema(), rng());
        Scenario s = Joint.of(Dealing.offline(12, 20), noisy.data(), clean);
        Set<Long> wrong = IntStream.range(0, (int) clean.size())
                .filter(i -> noisy.truth().wrong()[i])
                .mapToObj(clean::id)
                .collect(Collectors.toSet());
        for (SampleEstimates l : List.of(elr, plus)) {
            run((Learner) l, s, ALL);
            List<Suspect> found = l.sampleEstimates().orElseThrow().suspects(noisy.data(), 0.2);
            long right = found.stream().filter(f -> wrong.contains(f.id())).count();
            assertThat(right / (double) wrong.size()).as("recall").isGreaterThan(0.9);
            assertThat(right / (double) found.size()).as("precision").isGreaterThan(0.9);
            long repaired = found.stream()
                    .filter(f ->
                            wrong.contains(f.id()) && noisy.truth().cleanById().get(f.id()) == f.suggested())
                    .count();
            assertThat(repaired).isGreaterThan((long) (0.95 * right));
            for (int i = 1; i < found.size(); i++) {
                assertThat(found.get(i).suggestedShare() - found.get(i).givenShare())
                        .isLessThanOrEqualTo(found.get(i - 1).suggestedShare()
                                - found.get(i - 1).givenShare());
            }
        }
    }

    @Test
    void rowsWithoutAnIdOfTheirOwnAreRefusedAndChangeNothing() {
        for (Learner l : List.of(finetune(new EarlyLearning.Config()), elrPlus(plus(true, true, 0.9, 1)))) {
            Batch good = batch(0, 0, 1, 2);
            try (Scope s = Scope.open()) {
                State before = l.state().copy();
                for (long[] ids : new long[][] {{4, 4, 5}, {4, -1, 5}}) {
                    Batch bad = new Batch(good.inputs(), good.target(), Rows.of(ids));
                    assertThatThrownBy(() -> l.learn(bad)).hasMessageContaining("sample");
                }
                assertThat(l.state().sameAs(before)).isTrue();
                assertThat(((SampleEstimates) l).sampleEstimates()).isEmpty();
            }
        }
    }

    @Test
    void oneRowIsNotMixed() {
        ElrPlus l = elrPlus(plus(false, false, 0, 1));
        ElrPlus plain = elrPlus(plus(false, false, 0, 0));
        for (int i = 0; i < 4; i++) {
            try (Scope s = Scope.open()) {
                l.learn(batch(0, i));
                plain.learn(batch(0, i));
            }
        }
        try (Scope s = Scope.open()) {
            assertThat(l.state().child("nets").sameAs(plain.state().child("nets")))
                    .isTrue();
        }
    }

    @Test
    void badSettingsAreRefused() {
        ElrPlus.Config d = plus(true, true, 0.9, 1);
        assertThatThrownBy(() -> plus(true, true, 1, 1)).hasMessageContaining("averageShare");
        assertThatThrownBy(() -> plus(true, true, 0.9, -1)).hasMessageContaining("mixup");
        assertThatThrownBy(
                        () -> new ElrPlus.Config(d.net(), d.elr(), true, true, 0.9, -2, 1, d.turns(), d.predictWith()))
                .hasMessageContaining("averageRampSteps");
        assertThatThrownBy(() -> new ElrPlus.Config(
                        d.net(), d.elr(), true, false, 0.9, 0, 1, d.turns(), ElrPlus.Voters.AVERAGES))
                .hasMessageContaining("weightAverage");
        SampleEstimates.Estimates none = new SampleEstimates.Estimates(
                new long[0], new double[0][], data().schema().classes());
        assertThatThrownBy(() -> none.suspects(data(), 1)).hasMessageContaining("margin");
        assertThat(none.suspects(data(), 0)).isEmpty();
    }
}
