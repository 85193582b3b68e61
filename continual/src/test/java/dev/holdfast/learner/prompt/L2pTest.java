package dev.holdfast.learner.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class L2pTest {
    private final MemoryDataset data = images();
    private final List<Experience> parts = ClassIncremental.of(
                    new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(20, 8)),
                    data,
                    data,
                    Rng.of(1))
            .experiences();

    /** Four noisy patterns of 6 x 6 pixels. */
    private static MemoryDataset images() {
        try (Scope s = Scope.open()) {
            int[] y = IntStream.range(0, 64).map(i -> i % 4).toArray();
            Tensor pattern = Rng.of(12).child("pattern").uniform(4, 1, 6, 6);
            Tensor x = Tensors.rows(pattern, y)
                    .add(Rng.of(12).child("noise").uniform(64, 1, 6, 6).mul(Tensors.scalar(0.3)));
            return MemoryDataset.of(
                    Schema.images(1, 6, 6, ClassIndex.numbered(4)),
                    Inputs.of(x),
                    Target.ClassIds.of(Arrays.stream(y).asLongStream().toArray()));
        }
    }

    private L2p learner(int pretrainEpochs, double pull) {
        return new L2p(
                new L2p.Config(
                        OptimizerConfig.adam(0.01),
                        0,
                        16,
                        1,
                        2,
                        4,
                        2,
                        2,
                        pull,
                        pretrainEpochs,
                        8,
                        OptimizerConfig.adam(0.01)),
                data.schema(),
                Rng.of(1));
    }

    private void whole(L2p l, int part) {
        Experience e = parts.get(part);
        try (Scope s = Scope.open()) {
            l.begin(e);
        }
        Loader rows = e.train().batches(e.pace(), Rng.of(7).child("rows", part));
        while (rows.hasNext()) {
            try (Scope s = Scope.open()) {
                l.learn(rows.next().withTask(e.task()));
            }
        }
        try (Scope s = Scope.open()) {
            l.end(e);
        }
    }

    private Batch rows(int part) {
        return data.rows(IntStream.range(0, 64).filter(i -> i % 4 / 2 == part).toArray());
    }

    private static List<String> named(State s, String prefix) {
        return s.tensors().keySet().stream().filter(n -> n.startsWith(prefix)).toList();
    }

    @Test
    void promptsAndHeadLearnWhatTheFrozenTransformerShows() {
        L2p l = learner(20, 0.5);
        whole(l, 0);
        try (Scope s = Scope.open()) {
            int[] said = l.predict(rows(0).inputs()).classes();
            long[] y = rows(0).classIds();
            long right =
                    IntStream.range(0, y.length).filter(i -> said[i] == y[i]).count();
            assertThat(right).isGreaterThanOrEqualTo(28);
        }
    }

    /** The transformer is trained before the first part is learnt, and never again. */
    @Test
    void theTransformerStandsStillOnceItIsTrained() {
        L2p l = learner(2, 0.5);
        try (Scope s = Scope.open()) {
            State fresh = l.state().copy();
            l.begin(parts.get(0));
            State trained = l.state().copy();
            List<String> body = named(fresh, "net.model.body.");
            assertThat(body).isNotEmpty();
            assertThat(trained.tensor("net.model.body.block.0.attn.qkv.weight")
                            .equal(fresh.tensor("net.model.body.block.0.attn.qkv.weight")))
                    .isFalse();
            whole(l, 0);
            whole(l, 1);
            State after = l.state();
            for (String n : body) {
                assertThat(Tensors.bytes(after.tensor(n))).as(n).isEqualTo(Tensors.bytes(trained.tensor(n)));
            }
            assertThat(after.tensor("net.model.live.prompt.tokens")
                            .equal(trained.tensor("net.model.live.prompt.tokens")))
                    .isFalse();
        }
    }

    @Test
    void withoutPretrainingTheTransformerStaysRandom() {
        L2p l = learner(0, 0.5);
        try (Scope s = Scope.open()) {
            State fresh = l.state().copy();
            whole(l, 0);
            State after = l.state();
            for (String n : named(fresh, "net.model.body.")) {
                assertThat(Tensors.bytes(after.tensor(n))).as(n).isEqualTo(Tensors.bytes(fresh.tensor(n)));
            }
        }
    }

    /** Only the part's own classes compete: rows of the head of other classes do not move. */
    @Test
    void otherClassesTakeNoPartInALoss() {
        L2p l = learner(0, 0.5);
        whole(l, 0);
        try (Scope s = Scope.open()) {
            double[] head = Tensors.doubles(l.state().tensor("net.model.live.head.weight"));
            whole(l, 1);
            double[] now = Tensors.doubles(l.state().tensor("net.model.live.head.weight"));
            assertThat(Arrays.copyOf(now, head.length)).containsExactly(head);
            assertThat(now).hasSize(2 * head.length);
        }
    }

    @Test
    void theLossIsTheTasksLessThePull() {
        L2p l = learner(0, 0.5);
        try (Scope s = Scope.open()) {
            l.begin(parts.get(0));
            StepReport r = l.learn(rows(0));
            double task = r.terms().get(0).value();
            double cosine = r.terms().get(1).value();
            assertThat(cosine).isBetween(-1.0, 1.0);
            assertThat(r.loss()).isCloseTo(task - 0.5 * cosine, within(1e-5));
            for (int i = 0; i < 20; i++) {
                r = l.learn(rows(0));
            }
            assertThat(r.terms().get(1).value())
                    .as("keys move to their queries")
                    .isGreaterThan(cosine);
        }
    }

    @Test
    void refusesWhatItCannotCutOrChoose() {
        assertThatThrownBy(() ->
                        new L2p(new L2p.Plugin().defaults(), Schema.vectors(8, ClassIndex.numbered(2)), Rng.of(1)))
                .hasMessageContaining("needs images");
        L2p.Config d = new L2p.Plugin().defaults();
        assertThatThrownBy(() -> new L2p.Config(d.optimizer(), 0, 16, 1, 2, 4, 2, 5, 0.5, 0, 8, d.pretrain()))
                .hasMessageContaining("prompts >= top");
        assertThatThrownBy(() -> new L2p.Config(d.optimizer(), 0, 16, 1, 2, 4, 2, 2, -1, 0, 8, d.pretrain()))
                .hasMessageContaining("pull");
    }
}
