package dev.holdfast.language.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.optim.Evaluated;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class PretrainingTest {
    private static final int[] TEXT = text();

    @Test
    void aTextThatRepeatsIsLearnt() {
        try (Scope s = Scope.open()) {
            Pretraining t = training(1, TokenObjective.CROSS_ENTROPY);
            TokenBatches held = TextWindows.of(TEXT, 4, 16, Rng.of(9));
            double before = t.evaluate(held, 2);
            double[] losses = t.run(60);
            assertThat(losses).hasSize(60);
            assertThat(losses[0]).isBetween(2.0, 4.0);
            assertThat(t.evaluate(held, 2)).isLessThan(before / 3);
            assertThat(t.steps()).isEqualTo(60);
        }
    }

    @Test
    void aResumedTrainingGoesOnWithTheSameBits() {
        try (Scope s = Scope.open()) {
            Pretraining whole = training(1, TokenObjective.CROSS_ENTROPY);
            whole.run(14);
            Pretraining first = training(1, TokenObjective.CROSS_ENTROPY);
            first.run(7);
            State saved = first.state().copy();
            first.run(3);
            Pretraining second = training(2, TokenObjective.CROSS_ENTROPY);
            second.load(saved);
            second.run(7);
            assertThat(second.state().sameAs(whole.state())).isTrue();
        }
    }

    @Test
    void aStateOfAnotherModelChangesNothing() {
        try (Scope s = Scope.open()) {
            Pretraining t = training(1, TokenObjective.CROSS_ENTROPY);
            t.run(2);
            State before = t.state().copy();
            Decoder wider = DecoderConfig.of(32, 24, 1, 2).build(Rng.of(1), ScalarType.Float);
            Pretraining other = new Pretraining(
                    wider,
                    OptimizerConfig.adam(1e-3).build(wider.parameters()),
                    TextWindows.of(TEXT, 4, 16, Rng.of(1)),
                    TokenObjective.CROSS_ENTROPY,
                    Rng.of(1));
            assertThatThrownBy(() -> t.load(other.state())).isInstanceOf(IllegalArgumentException.class);
            assertThat(t.state().sameAs(before)).isTrue();
        }
    }

    @Test
    void aLossThatIsNotFiniteIsNamedAndMovesNothing() {
        try (Scope s = Scope.open()) {
            Pretraining t = training(
                    1, (logits, labels) -> TokenLoss.mean(logits, labels).mul(Tensors.scalar(Double.NaN)));
            State before = t.model().state().copy();
            assertThatThrownBy(() -> t.run(3))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("step 0 is NaN");
            assertThat(t.model().state().sameAs(before)).isTrue();
            assertThat(t.step().update().skipped()).isTrue();
        }
    }

    @Test
    void paddingDoesNotCount() {
        try (Scope s = Scope.open()) {
            Pretraining t = training(1, TokenObjective.CROSS_ENTROPY);
            TokenBatch padded =
                    TokenBatch.padded(List.of(new int[] {1, 2, 3, 4, 5}, new int[] {6, 7, 8}), new int[] {0, 1}, 0);
            assertThat(padded.counted()).isEqualTo(6);
            assertThat(Tensors.longs(padded.labels())).containsExactly(1, 2, 3, 4, 5, -100, -100, -100, 7, 8);
            assertThat(Tensors.longs(padded.mask())).containsExactly(1, 1, 1, 1, 1, 0, 0, 1, 1, 1);
            double alone = sum(t, 1, 2, 3, 4, 5) + sum(t, 6, 7, 8);
            assertThat(t.evaluate(step -> padded, 1)).isCloseTo(alone / 6, within(1e-5));
        }
    }

    private static double sum(Pretraining t, long... ids) {
        TokenBatch b = TokenBatch.of(Tensors.of(ids, 1, ids.length));
        return (ids.length - 1) * Tensors.item(TokenLoss.mean(t.model().forward(b.ids(), Pass.eval()), b.labels()));
    }

    @Test
    void shardsGiveTheSameGradientAndTheSameBitsAgain() {
        try (Scope s = Scope.open();
                GradientShards three = new GradientShards(3)) {
            Decoder m = DecoderConfig.of(32, 16, 1, 2).build(Rng.of(1), ScalarType.Double);
            Parameters p = m.parameters();
            // rows of unequal length, so that shards weigh differently
            TokenBatch batch = TokenBatch.padded(
                    List.of(new int[] {1, 2, 3, 4, 5}, new int[] {6, 7, 8}, new int[] {9, 10, 11, 12}, new int[] {1, 4
                    }),
                    new int[] {0, 1, 2, 0},
                    0);
            GradientShards.Loss loss = (b, shard) -> TokenLoss.mean(
                    m.forward(
                            b.ids(),
                            b.mask() == null ? Pass.eval() : Pass.eval().withMask(b.mask())),
                    b.labels());
            Evaluated whole = new GradientShards(1).of(batch, loss, p);
            Evaluated parts = three.of(batch, loss, p);
            Evaluated again = three.of(batch, loss, p);
            assertThat(parts.loss()).isCloseTo(whole.loss(), within(1e-12));
            for (int i = 0; i < p.size(); i++) {
                assertThat(Tensors.doubles(parts.gradient().get(i)))
                        .as(p.meta().get(i).name())
                        .containsExactly(Tensors.doubles(whole.gradient().get(i)), within(1e-12))
                        .isEqualTo(Tensors.doubles(again.gradient().get(i)));
            }
        }
    }

    @Test
    void anErrorInAShardIsToldAndTheShardsGoOn() {
        int before = Threads.get();
        try (Scope s = Scope.open();
                GradientShards two = new GradientShards(2)) {
            Decoder m = DecoderConfig.of(32, 16, 1, 2).build(Rng.of(1), ScalarType.Float);
            TokenBatch b = TokenBatch.of(Tensors.of(new long[] {1, 2, 3, 99}, 2, 2));
            GradientShards.Loss loss = (x, shard) -> TokenLoss.mean(m.forward(x.ids(), Pass.eval()), x.labels());
            assertThatThrownBy(() -> two.of(b, loss, m.parameters()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("99");
            assertThat(Threads.get()).isEqualTo(before);
            TokenBatch good = TokenBatch.of(Tensors.of(new long[] {1, 2, 3, 9}, 2, 2));
            assertThat(two.of(good, loss, m.parameters()).loss()).isGreaterThan(0);
        }
        assertThatThrownBy(() -> new GradientShards(0)).hasMessageContaining("not 0");
    }

    @Test
    void windowsDependOnTheStepAlone() {
        try (Scope s = Scope.open()) {
            TextWindows w = TextWindows.of(TEXT, 3, 8, Rng.of(4));
            long[] third = Tensors.longs(w.at(2).ids());
            w.at(0);
            assertThat(Tensors.longs(w.at(2).ids())).isEqualTo(third);
            assertThat(Tensors.longs(w.from(2).at(0).ids())).isEqualTo(third);
            assertThat(Tensors.longs(w.at(3).ids())).isNotEqualTo(third);
            assertThat(third[1] - third[0]).isIn(1L, -31L);
        }
    }

    @Test
    void theWholeTextIsOneWindow() {
        try (Scope s = Scope.open()) {
            TextWindows w = TextWindows.of(new int[] {5, 6, 7}, 2, 3, Rng.of(4));
            assertThat(Tensors.longs(w.at(0).ids())).containsExactly(5, 6, 7, 5, 6, 7);
        }
    }

    @Test
    void badDataAreRefused() {
        assertThatThrownBy(() -> TextWindows.of(new int[] {1, 2}, 1, 3, Rng.of(1)))
                .hasMessageContaining("2 tokens")
                .hasMessageContaining("window of 3");
        assertThatThrownBy(() -> TextWindows.of(TEXT, 0, 3, Rng.of(1))).hasMessageContaining("0 of 3");
        assertThatThrownBy(() -> TokenBatch.padded(List.of(), new int[0], 0)).hasMessageContaining("at least one");
        assertThatThrownBy(() -> TokenBatch.padded(List.of(new int[0]), new int[] {0}, 0))
                .hasMessageContaining("Row 0");
        try (Scope s = Scope.open()) {
            assertThatThrownBy(() -> new TokenBatch(Tensors.of(new long[4], 2, 2), Tensors.of(new long[2], 1, 2), null))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    private static Pretraining training(long seed, TokenObjective objective) {
        Decoder model = DecoderConfig.of(32, 16, 1, 2).build(Rng.of(seed), ScalarType.Float);
        return new Pretraining(
                model,
                OptimizerConfig.adam(1e-2).build(model.parameters()),
                TextWindows.of(TEXT, 8, 16, Rng.of(5)),
                objective,
                Rng.of(6));
    }

    private static int[] text() {
        int[] ids = new int[400];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i % 32;
        }
        return ids;
    }
}
