package dev.holdfast.diagnose.scaling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.diagnose.scaling.LrSweep.Grid;
import dev.holdfast.diagnose.scaling.LrSweep.Shape;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.language.train.TokenBatch;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.QkNorm;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class LrSweepTest {
    private static final int[] TEXT = text();

    private static int[] text() {
        byte[] b = "the cat sat on the mat; the dog sat on the log. ".repeat(40).getBytes(StandardCharsets.US_ASCII);
        int[] ids = new int[b.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = b[i];
        }
        return ids;
    }

    private static final ProxyRecipe TINY =
            ProxyRecipe.published(8).withBed(8, 16, 4).withQkNorm(QkNorm.NONE);

    private static LrSweep swept(ProxyRecipe r, List<Integer> widths, Double... rates) {
        return LrSweep.run(
                r,
                Grid.of(widths, List.of(2), List.of(rates)),
                TextWindows.of(TEXT, r.rows(), r.length(), Rng.of(1).child("train")),
                TextWindows.of(TEXT, r.rows(), r.length(), Rng.of(1).child("held")),
                2,
                Rng.of(1),
                x -> {},
                () -> false);
    }

    @Test
    void statisticsAreThoseOfThePassTheyDescribe() {
        try (Scope s = Scope.open()) {
            Decoder d = TINY.decoder(new Shape(16, 2)).build(Rng.of(1), ScalarType.Double);
            ChainOptimizer o = TINY.optimizer(d.parameters(), 1e-3);
            TokenBatch b = TextWindows.of(TEXT, 3, 10, Rng.of(2)).at(0);
            State before = d.state().copy();
            State optimizerBefore = o.state().copy();
            InternalStatistics i = InternalStatistics.of(d, o, b, TokenObjective.withZ(1e-4));
            assertThat(d.state().sameAs(before)).isTrue();
            assertThat(o.state().sameAs(optimizerBefore)).isTrue();

            Taps taps = Taps.where(n -> true);
            Tensor logits = d.forward(b.ids(), Pass.eval().withTaps(taps));
            assertThat(i.loss()).isCloseTo(TokenLoss.mean(logits, b.labels()).item_double(), within(1e-12));
            Tensor logZ = logits.logsumexp(new long[] {-1});
            assertThat(i.logZMean()).isCloseTo(logZ.mean().item_double(), within(1e-12));
            assertThat(Math.abs(i.logZLargest())).isCloseTo(logZ.abs().max().item_double(), within(1e-12));
            assertThat(i.meanLogit()).isCloseTo(logits.mean().item_double(), within(1e-12));

            // by hand, entry by entry: only what is seen counts
            Tensor z = taps.get("model.layers.1.self_attn.logits");
            Tensor w = taps.get("model.layers.1.self_attn.weights");
            double most = 0;
            double entropy = 0;
            for (int row = 0; row < 3; row++) {
                for (int t = 0; t < 10; t++) {
                    for (int u = 0; u <= t; u++) {
                        most = Math.max(most, Math.abs(at(z, row, 1, t, u)));
                        double p = at(w, row, 1, t, u);
                        entropy -= p * Math.log(p) / 30;
                        most = Math.max(most, Math.abs(at(z, row, 0, t, u)));
                    }
                }
            }
            InternalStatistics.Layer l = i.layers().get(1);
            assertThat(l.largestAttentionLogit()).isCloseTo(most, within(1e-12));
            assertThat(l.entropy()).hasSize(2);
            assertThat(l.entropy().get(1)).isCloseTo(entropy, within(1e-12));
            assertThat(i.largestAttentionLogit()).isGreaterThanOrEqualTo(most);
            Tensor x0 = taps.get("model.layers.0");
            Tensor x1 = taps.get("model.layers.1");
            Tensor added = taps.get("model.layers.1.self_attn").add(taps.get("model.layers.1.mlp"));
            assertThat(x1.sub(x0).sub(added).abs().max().item_double()).isLessThan(1e-12);
            assertThat(l.stream()).isCloseTo(Math.sqrt(x1.square().mean().item_double()), within(1e-12));

            ParamVector g = Autograd.grad(TokenLoss.withZ(logits, b.labels(), 1e-4), o.parameters(), false);
            assertThat(i.gradient())
                    .isCloseTo(g.norm() / Math.sqrt(o.parameters().count()), within(1e-12));
            assertThat(i.gradientOverEpsilon(1e-8)).isCloseTo(i.gradient() * 1e8, within(1e-3));
            InternalStatistics.Leaf leaf = i.leaves().get(o.parameters().indexOf("lm_head.weight"));
            Tensor head = o.parameters().get("lm_head.weight");
            assertThat(leaf.weight()).isCloseTo(Math.sqrt(head.square().mean().item_double()), within(1e-12));
            // the first move of Adam is its rate, but for epsilon and a little decay
            assertThat(leaf.update()).isCloseTo(1, within(0.02));
        }
    }

    @Test
    void normedQueriesAndKeysStayWithinTheirBound() {
        LrSweep s = swept(TINY.withQkNorm(QkNorm.LAYER_NORM), List.of(8), 0.3);
        InternalStatistics last = s.runs().get(0).last();
        assertThat(last.attentionLogitOverBound(8)).isBetween(0.01, 1.0);
        double scales = last.leaves().stream()
                .filter(l -> l.meta().name().endsWith("q_norm.weight"))
                .mapToDouble(InternalStatistics.Leaf::largest)
                .max()
                .orElseThrow();
        assertThat(scales).isGreaterThan(1);
        assertThat(swept(TINY, List.of(8), 0.3).runs().get(0).last().attentionLogitOverBound(8))
                .isNaN();
    }

    private static double at(Tensor t, int... index) {
        Tensor r = t;
        for (int i : index) {
            r = r.select(0, i);
        }
        return Tensors.item(r);
    }

    @Test
    void aSweepIsTheSameTwiceAndTellsItsCurves() {
        List<ProxyRun> told = new ArrayList<>();
        LrSweep s = LrSweep.run(
                TINY,
                Grid.of(List.of(16, 8), List.of(2), List.of(1e-2, 1e-3)),
                TextWindows.of(TEXT, 4, 16, Rng.of(1).child("train")),
                TextWindows.of(TEXT, 4, 16, Rng.of(1).child("held")),
                2,
                Rng.of(1),
                told::add,
                () -> false);
        assertThat(told).isEqualTo(s.runs());
        assertThat(s).isEqualTo(swept(TINY, List.of(8, 16), 1e-3, 1e-2));
        assertThat(s.shapes()).containsExactly(new Shape(8, 2), new Shape(16, 2));
        assertThat(s.rates()).containsExactly(1e-3, 1e-2);
        ProxyRun r = s.at(new Shape(8, 2), 1e-2).orElseThrow();
        assertThat(r.diverged()).isFalse();
        assertThat(r.loss()).isLessThan(r.initialLoss());
        assertThat(r.looks().stream().map(ProxyRun.Look::step)).containsExactly(0L, 4L, 8L);
        assertThat(s.at(new Shape(16, 2), 1e-2).orElseThrow().size()).isGreaterThan(r.size());
        LrSensitivity of8 = s.sensitivity(new Shape(8, 2));
        double slow = s.at(new Shape(8, 2), 1e-3).orElseThrow().loss();
        assertThat(of8.sensitivity()).isCloseTo((slow - r.loss()) / 2, within(1e-12));
        assertThat(of8.bestRate()).isEqualTo(1e-2);
        assertThat(s.fit(Instability.ATTENTION_LOGITS, 1e-2)).isPresent();
        assertThat(swept(TINY, List.of(8), 1e-2).fit(Instability.ATTENTION_LOGITS, 1e-2))
                .isEmpty();
        assertThatThrownBy(() -> s.sensitivity(new Shape(32, 2))).hasMessageContaining("there are [8x2, 16x2]");
    }

    @Test
    void predictionsAreThoseOfTheFits() {
        LrSweep s = swept(TINY, List.of(8, 16, 24), 1e-2, 0.3);
        List<LrSweep.Prediction> all = s.predictions(1e9);
        assertThat(all).hasSize(4);
        ScalingFit f = s.fit(Instability.ATTENTION_LOGITS, 0.3).orElseThrow();
        LrSweep.Prediction p = all.get(1);
        assertThat(p.rate()).isEqualTo(0.3);
        assertThat(p.slope()).isEqualTo(f.slope());
        assertThat(p.value()).isEqualTo(f.at(1e9)).isBetween(p.low(), p.high());
        assertThat(p.unstable()).isEqualTo(f.at(1e9) > 1e4);
        assertThat(p.from()).isEqualTo(f.sizeAbove(1e4).orElse(Double.NaN));
        assertThat(all.get(2).instability()).isEqualTo(Instability.VANISHING_GRADIENTS);
        LrSweep.Prediction nothingAsked = s.predictions(Double.NaN).get(1);
        assertThat(nothingAsked.value()).isNaN();
        assertThat(nothingAsked.unstable()).isFalse();
        assertThat(nothingAsked.from()).isEqualTo(p.from());
    }

    @Test
    void everySwitchChangesWhatIsTrained() {
        double plain = loss(TINY);
        assertThat(loss(TINY.withQkNorm(QkNorm.LAYER_NORM))).isNotEqualTo(plain);
        assertThat(loss(TINY.withZLoss(0))).isNotEqualTo(plain);
        assertThat(loss(TINY.withWarmUp(0.5))).isNotEqualTo(plain);
        assertThat(loss(TINY.withEpsilon(1e-3))).isNotEqualTo(plain);
        assertThat(loss(TINY.withDecay(0.1, Decay.LR_COUPLED))).isNotEqualTo(plain);
        assertThat(loss(TINY.withMuParam(ProxyRecipe.MuKind.SIMPLE, 64))).isNotEqualTo(plain);
        double simple = loss(TINY.withMuParam(ProxyRecipe.MuKind.SIMPLE, 8));
        assertThat(loss(TINY.withMuParam(ProxyRecipe.MuKind.FULL, 8))).isNotEqualTo(simple);
    }

    private static double loss(ProxyRecipe r) {
        return swept(r, List.of(8), 1e-2).runs().get(0).loss();
    }

    @Test
    void instabilitiesAreToldFromTheirThresholdsOn() {
        assertThat(Instability.ATTENTION_LOGITS.reached(1e4)).isFalse();
        assertThat(Instability.ATTENTION_LOGITS.reached(10001)).isTrue();
        assertThat(Instability.OUTPUT_LOGITS.reached(-5.1)).isTrue();
        assertThat(Instability.OUTPUT_LOGITS.reached(50)).isFalse();
        assertThat(Instability.VANISHING_GRADIENTS.reached(9.9)).isTrue();
        // with an epsilon as large as gradients they vanish
        LrSweep s = swept(TINY.withEpsilon(1), List.of(8), 1e-3);
        assertThat(s.found()).extracting(LrSweep.Found::instability).containsExactly(Instability.VANISHING_GRADIENTS);
        assertThat(swept(TINY, List.of(8), 1e-3).found()).isEmpty();
    }

    @Test
    void curesAreThoseThatWouldChangeSomething() {
        assertThat(Instability.cures(TINY.withZLoss(0)).stream().map(Instability.Cure::name))
                .containsExactly("LayerNorm on queries and keys", "z-loss", "warm-up over a quarter", "epsilon 1e-15");
        ProxyRecipe all = TINY;
        for (Instability.Cure c : Instability.cures(TINY)) {
            all = c.change().apply(all);
        }
        assertThat(Instability.cures(all)).isEmpty();
    }

    @Test
    void aRateThatBreaksTheModelCountsAsIfItHadLearntNothing() {
        ProxyRecipe wild = new ProxyRecipe(
                8,
                16,
                2,
                6,
                0.01,
                0,
                QkNorm.NONE,
                0,
                0,
                Decay.NONE,
                false,
                0.9,
                0.95,
                1e-8,
                0,
                ProxyRecipe.MuKind.NONE,
                256);
        LrSweep s = swept(wild, List.of(8), 1e30);
        assertThat(s.runs().get(0).diverged()).isTrue();
        assertThat(s.sensitivity(new Shape(8, 2)).allDiverged()).isTrue();
        assertThat(s.runs().get(0).last())
                .isEqualTo(s.runs().get(0).looks().get(0).inside());
    }

    @Test
    void depthIsASizeToo() {
        LrSweep s = LrSweep.run(
                TINY,
                Grid.of(List.of(8), List.of(3, 1, 1), List.of(1e-2)),
                TextWindows.of(TEXT, 4, 16, Rng.of(1)),
                TextWindows.of(TEXT, 4, 16, Rng.of(1)),
                1,
                Rng.of(1),
                x -> {},
                () -> false);
        assertThat(s.shapes()).containsExactly(new Shape(8, 1), new Shape(8, 3));
        assertThat(s.runs().get(1).last().layers()).hasSize(3);
        assertThat(s.runs().get(1).size()).isGreaterThan(s.runs().get(0).size());
        assertThat(s.fit(Instability.ATTENTION_LOGITS, 1e-2)).isPresent();
        assertThatThrownBy(() -> new Shape(8, 0)).hasMessageContaining("at least 1");
    }

    @Test
    void aSweepThatIsCutOffKeepsWhatEnded() {
        List<ProxyRun> told = new ArrayList<>();
        LrSweep s = LrSweep.run(
                TINY,
                Grid.of(List.of(8), List.of(2), List.of(1e-3, 1e-2)),
                TextWindows.of(TEXT, 4, 16, Rng.of(1)),
                TextWindows.of(TEXT, 4, 16, Rng.of(1)),
                1,
                Rng.of(1),
                told::add,
                () -> !told.isEmpty());
        assertThat(s.runs()).isEqualTo(told).hasSize(1);
    }

    @Test
    void badGridsAndRecipesAreRefused() {
        assertThatThrownBy(() -> Grid.of(List.of(), List.of(2), List.of(1e-3)))
                .hasMessageContaining("at least one shape");
        assertThatThrownBy(() -> Grid.of(List.of(8), List.of(2), List.of())).hasMessageContaining("at least one");
        assertThatThrownBy(() -> Grid.of(List.of(8), List.of(2), List.of(0.0))).hasMessageContaining("> 0");
        assertThatThrownBy(() -> swept(TINY, List.of(12), 1e-3)).hasMessageContaining("heads of size 8");
        assertThatThrownBy(() -> swept(TINY, List.of(8), 1e-6)).hasMessageContaining("below the floor of 1.0E-5");
        assertThatThrownBy(() -> TINY.withWarmUp(1)).hasMessageContaining("warm-up share in (0, 1)");
        assertThatThrownBy(() -> TINY.withZLoss(-1)).hasMessageContaining("z-loss");
        assertThatThrownBy(() -> TINY.withDecay(1, Decay.INDEPENDENT)).hasMessageContaining("< 1");
        assertThatThrownBy(() -> TINY.withBed(3, 8, 1)).hasMessageContaining("even head size");
        assertThat(Grid.rates(3e-4, 3e-1, 7).get(2)).isCloseTo(3e-3, within(1e-12));
        assertThat(Grid.rates(1e-3, 1, 1)).containsExactly(1e-3);
    }
}
