package dev.holdfast.nn.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.nn.weight.LoraDelta;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DecoderTest {
    private static final DecoderConfig SMALL = DecoderConfig.of(20, 16, 2, 4).withKvHeads(2);

    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Decoder decoder(DecoderConfig c) {
        Decoder d = c.build(Rng.of(3), ScalarType.Double);
        // larger weights than those of a fresh net, so that attention is not nearly even
        try (var mode = Autograd.noGrad()) {
            for (Tensor t : d.parameters().tensors()) {
                t.mul_(Tensors.scalar(t.dim() == 2 ? 15 : 1));
            }
        }
        return d;
    }

    private static Tensor ids(long rows, long tokens) {
        return Rng.of(5)
                .uniform(ScalarType.Double, rows, tokens)
                .mul(Tensors.scalar(20))
                .to(ScalarType.Long);
    }

    private static double difference(Tensor a, Tensor b) {
        return a.sub(b).abs().max().item_double();
    }

    @Test
    void aTokenChangesNothingBeforeIt() {
        Decoder d = decoder(SMALL);
        Tensor ids = ids(2, 9);
        Tensor other = ids.clone();
        other.select(1, 5).copy_(other.select(1, 5).add(Tensors.scalar(1)).remainder(Tensors.scalar(20)));
        for (Pass pass : new Pass[] {Pass.eval(), Pass.eval().withDoubleBackward()}) {
            Tensor a = d.forward(ids, pass);
            Tensor b = d.forward(other, pass);
            assertThat(Tensors.slice(a, 1, 0, 5).equal(Tensors.slice(b, 1, 0, 5)))
                    .isTrue();
            assertThat(difference(a.select(1, 5), b.select(1, 5))).isGreaterThan(1e-3);
        }
    }

    @Test
    void fusedAndStepwiseAttentionAgree() {
        for (DecoderConfig c : new DecoderConfig[] {
            SMALL, SMALL.withWindow(3), SMALL.withQkNorm(QkNorm.RMS_NORM).withTied(false)
        }) {
            Decoder d = decoder(c);
            assertThat(difference(
                            d.forward(ids(2, 9), Pass.eval()),
                            d.forward(ids(2, 9), Pass.eval().withDoubleBackward())))
                    .isLessThan(1e-12);
        }
        Decoder single = SMALL.build(Rng.of(1), ScalarType.Float);
        assertThat(difference(
                        single.forward(ids(2, 9), Pass.eval()),
                        single.forward(ids(2, 9), Pass.eval().withDoubleBackward())))
                .isLessThan(1e-5);
    }

    @Test
    void aWindowAsLongAsTheTextHidesNothing() {
        Tensor full = decoder(SMALL).forward(ids(2, 9), Pass.eval());
        assertThat(decoder(SMALL.withWindow(9)).forward(ids(2, 9), Pass.eval()).equal(full))
                .isTrue();
        Tensor narrow = decoder(SMALL.withWindow(8)).forward(ids(2, 9), Pass.eval());
        assertThat(difference(Tensors.slice(narrow, 1, 0, 8), Tensors.slice(full, 1, 0, 8)))
                .isLessThan(1e-12);
        assertThat(difference(narrow.select(1, 8), full.select(1, 8))).isGreaterThan(1e-6);
    }

    @Test
    void sharedKeyHeadsAreThoseOfNeighbours() {
        Decoder grouped = decoder(SMALL);
        Decoder plain = decoder(SMALL.withKvHeads(4));
        Inventory from = Inventory.of(grouped);
        Inventory.of(plain).sites().forEach(s -> {
            Tensor w = from.site(s.name()).source().toDense();
            if (s.name().endsWith("k_proj") || s.name().endsWith("v_proj")) {
                Tensor heads = w.view(2, 4, 16);
                w = Tensors.rows(heads, 0, 0, 1, 1).reshape(16, 16);
            }
            s.source().initFrom(w);
        });
        assertThat(difference(plain.forward(ids(2, 9), Pass.eval()), grouped.forward(ids(2, 9), Pass.eval())))
                .isLessThan(1e-12);
    }

    @Test
    void paddingOnTheLeftChangesNothing() {
        for (DecoderConfig c : new DecoderConfig[] {SMALL, SMALL.withWindow(3)}) {
            Decoder d = decoder(c);
            Tensor ids = ids(2, 6);
            Tensor padded = Tensors.cat(1, Tensors.zeros(ScalarType.Long, 2, 3), ids);
            Tensor mask = Tensors.cat(
                    1,
                    Tensors.zeros(ScalarType.Long, 2, 3),
                    Tensors.zeros(ScalarType.Long, 2, 6).fill_(Tensors.scalar(1)));
            Tensor plain = d.forward(ids, Pass.eval());
            for (Pass pass : new Pass[] {Pass.eval(), Pass.eval().withDoubleBackward()}) {
                Tensor with = d.forward(padded, pass.withMask(mask));
                assertThat(difference(Tensors.slice(with, 1, 3, 9), plain)).isLessThan(1e-12);
                assertThat(Tensors.finite(with)).isTrue();
            }
        }
    }

    @Test
    void paddedRowsGiveFiniteGradients() {
        Decoder d = decoder(SMALL);
        Tensor mask = Tensors.of(new long[] {0, 0, 1, 1, 0, 0, 0, 0}, 2, 4);
        Tensor labels = Tensors.of(new long[] {-100, -100, 3, 4, -100, -100, -100, -100}, 2, 4);
        Parameters p = d.parameters();
        for (Pass pass : new Pass[] {Pass.eval(), Pass.eval().withDoubleBackward()}) {
            Tensor loss = TokenLoss.mean(d.forward(ids(2, 4), pass.withMask(mask)), labels);
            ParamVector g = Autograd.grad(loss, p, false);
            for (int i = 0; i < p.size(); i++) {
                assertThat(Tensors.finite(g.get(i))).as(p.meta().get(i).name()).isTrue();
            }
        }
    }

    @Test
    void theCacheGivesTheLogitsOfTheFullPass() {
        for (DecoderConfig c : new DecoderConfig[] {
            SMALL,
            SMALL.withWindow(3),
            SMALL.withQkNorm(QkNorm.RMS_NORM),
            SMALL.withRope(new Rope(100, new Rope.Linear(2)))
        }) {
            for (Tensor mask : new Tensor[] {null, Tensors.of(new long[] {0, 0, 1, 1, 1, 1}, 2, 3)}) {
                Decoder d = decoder(c);
                Tensor ids = ids(2, 9);
                Pass pass = Pass.eval();
                if (mask != null) {
                    pass = pass.withMask(Tensors.cat(
                            1, mask, Tensors.zeros(ScalarType.Long, 2, 6).fill_(Tensors.scalar(1))));
                }
                Tensor full = d.forward(ids, pass);
                try (KvCache cache = new KvCache(c, 2, mask, 9, ScalarType.Double)) {
                    long[] cuts = {0, 3, 4, 7, 8, 9};
                    for (int i = 1; i < cuts.length; i++) {
                        Tensor next = d.next(Tensors.slice(ids, 1, cuts[i - 1], cuts[i]), cache, Pass.eval());
                        assertThat(difference(next, full.select(1, cuts[i] - 1)))
                                .isLessThan(1e-12);
                    }
                    assertThatThrownBy(() -> d.next(ids(2, 1), cache, Pass.eval()))
                            .hasMessage("The cache holds 9 of at most 9 positions; 1 more do not fit.");
                }
            }
        }
    }

    @Test
    void aCacheKeepsRows() {
        Decoder d = decoder(SMALL);
        Tensor ids = ids(3, 5);
        try (KvCache cache = new KvCache(SMALL, 3, null, 5, ScalarType.Double)) {
            d.next(Tensors.slice(ids, 1, 0, 4), cache, Pass.eval());
            cache.keep(2, 0);
            Tensor next = d.next(Tensors.rows(Tensors.slice(ids, 1, 4, 5), 2, 0), cache, Pass.eval());
            Tensor full = d.forward(ids, Pass.eval()).select(1, 4);
            assertThat(difference(next, Tensors.rows(full, 2, 0))).isLessThan(1e-12);
        }
    }

    @Test
    void secondDerivativesAreThoseOfDifferences() {
        hvpIsRight(decoder(SMALL));
    }

    private static void hvpIsRight(Decoder d) {
        Parameters p = d.parameters().where(m -> m.name().endsWith("layers.0.self_attn.q_proj.weight"));
        ParamVector v = new ParamVector(p, new Tensor[] {Rng.of(9).normal(ScalarType.Double, 16, 16)});
        Tensor labels = ids(2, 6);
        ParamVector hv = Autograd.hvp(loss(d, labels), p, v);
        double h = 1e-5;
        p.add(h, v);
        Tensor up = Autograd.grad(loss(d, labels), p, false).get(0);
        p.add(-2 * h, v);
        Tensor down = Autograd.grad(loss(d, labels), p, false).get(0);
        Tensor numeric = up.sub(down).div(Tensors.scalar(2 * h));
        assertThat(difference(hv.get(0), numeric))
                .isLessThan(1e-6 * (1 + numeric.abs().max().item_double()));
    }

    private static Tensor loss(Decoder d, Tensor labels) {
        return TokenLoss.mean(d.forward(labels, Pass.eval().withDoubleBackward()), labels);
    }

    @Test
    void aLossWithoutLabelsIsZeroWithAGraph() {
        Decoder d = decoder(SMALL);
        Tensor none = ids(2, 4).fill_(Tensors.scalar(TokenLoss.IGNORED));
        Tensor loss = TokenLoss.mean(d.forward(ids(2, 4), Pass.eval()), none);
        assertThat(loss.item_double()).isZero();
        assertThat(Autograd.grad(loss, d.parameters(), false).get(0).abs().max().item_double())
                .isZero();
    }

    /** A number added to all logits changes cross-entropy by 0 and the z-loss by c((log Z + a)^2 - log^2 Z). */
    @Test
    void theZLossFeelsAShiftOfAllLogits() {
        Tensor logits = Rng.of(4).normal(ScalarType.Double, 1, 2, 20);
        Tensor labels = ids(1, 2);
        double logZ = logits.select(1, 0).logsumexp(new long[] {-1}).item_double();
        Tensor moved = logits.add(Tensors.scalar(-30));
        double plain = TokenLoss.mean(logits, labels).item_double();
        assertThat(TokenLoss.mean(moved, labels).item_double()).isCloseTo(plain, within(1e-12));
        assertThat(TokenLoss.withZ(logits, labels, 0).item_double()).isCloseTo(plain, within(1e-12));
        double c = 1e-2;
        assertThat(TokenLoss.withZ(moved, labels, c).item_double()
                        - TokenLoss.withZ(logits, labels, c).item_double())
                .isCloseTo(c * ((logZ - 30) * (logZ - 30) - logZ * logZ), within(1e-10));
    }

    /** The gradient of the z-loss is 2 c log Z softmax / N: 0 where log Z is 0. */
    @Test
    void theZLossHasNoGradientWhereLogZIsZero() {
        Tensor raw = Rng.of(4).normal(ScalarType.Double, 1, 2, 20);
        Tensor logits = raw.log_softmax(-1).set_requires_grad(true);
        ParamMeta m = new ParamMeta("z", Role.OTHER, 1, 1, false, 0);
        Parameters p = new Parameters(List.of(m), List.of(logits));
        Tensor with =
                Autograd.grad(TokenLoss.withZ(logits, ids(1, 2), 1), p, false).get(0);
        Tensor without =
                Autograd.grad(TokenLoss.mean(logits, ids(1, 2)), p, false).get(0);
        assertThat(difference(with, without)).isLessThan(1e-12);
        Tensor shifted = logits.detach().add(Tensors.scalar(0.5)).set_requires_grad(true);
        Parameters q = new Parameters(List.of(m), List.of(shifted));
        Tensor z = Autograd.grad(TokenLoss.withZ(shifted, ids(1, 2), 1), q, false)
                .get(0)
                .sub(without);
        assertThat(difference(z.select(1, 0), shifted.select(1, 0).softmax(-1))).isLessThan(1e-12);
        Tensor none = ids(1, 2).fill_(Tensors.scalar(TokenLoss.IGNORED));
        assertThat(TokenLoss.withZ(logits, none, 1).item_double()).isZero();
    }

    @Test
    void freshFactorsChangeNothingAndTrainAlone() {
        Decoder d = decoder(SMALL);
        Tensor before = d.forward(ids(2, 5), Pass.eval());
        Inventory.of(d).sites().stream()
                .filter(s -> s.name().endsWith("_proj"))
                .forEach(s -> s.source(LoraDelta.of(s, 2, 4, Rng.of(1))));
        assertThat(d.forward(ids(2, 5), Pass.eval()).equal(before)).isTrue();
        assertThat(d.parameters().meta())
                .filteredOn(m -> m.name().contains("q_proj"))
                .extracting(m -> m.name())
                .containsExactly(
                        "model.layers.0.self_attn.q_proj.lora.a",
                        "model.layers.0.self_attn.q_proj.lora.b",
                        "model.layers.1.self_attn.q_proj.lora.a",
                        "model.layers.1.self_attn.q_proj.lora.b");
    }

    @Test
    void leavesSayWhatTheyAre() {
        Parameters p = decoder(SMALL.withTied(false)).parameters();
        assertThat(p.meta().get(p.indexOf("model.embed_tokens.weight")).role()).isEqualTo(Role.EMBEDDING);
        assertThat(p.meta().get(p.indexOf("lm_head.weight")).role()).isEqualTo(Role.HEAD);
        assertThat(p.meta().get(p.indexOf("model.norm.weight")).role()).isEqualTo(Role.NORM);
        var down = p.meta().get(p.indexOf("model.layers.1.mlp.down_proj.weight"));
        assertThat(down.role()).isEqualTo(Role.HIDDEN);
        assertThat(down.fanIn()).isEqualTo(SMALL.intermediate());
        assertThat(down.depth()).isEqualTo(2);
    }

    @Test
    void freshWeightsHaveTheirDeviation() {
        Decoder d = DecoderConfig.of(264, 128, 8, 4).build(Rng.of(1), ScalarType.Float);
        Parameters p = d.parameters();
        assertThat(p.get("model.embed_tokens.weight").std().item_double()).isBetween(0.0195, 0.0205);
        assertThat(p.get("model.layers.3.self_attn.o_proj.weight").std().item_double())
                .isBetween(0.00485, 0.00515);
        assertThat(p.get("model.layers.3.input_layernorm.weight").min().item_double())
                .isOne();
    }

    @Test
    void aCopyIsIndependentAndStatesAreExact() {
        Decoder d = decoder(SMALL);
        Decoder copy = d.copy(new Copier());
        Tensor before = d.forward(ids(1, 5), Pass.eval());
        try (var mode = Autograd.noGrad()) {
            copy.parameters().get(1).add_(Tensors.scalar(1));
        }
        assertThat(d.forward(ids(1, 5), Pass.eval()).equal(before)).isTrue();
        copy.load(d.state());
        assertThat(copy.forward(ids(1, 5), Pass.eval()).equal(before)).isTrue();
    }

    @Test
    void halfPrecisionStaysNear() {
        Decoder d = SMALL.build(Rng.of(1), ScalarType.Float);
        Decoder half = Decoder.blank(SMALL, ScalarType.BFloat16);
        Inventory from = Inventory.of(d);
        Inventory.of(half).sites().forEach(s -> s.source()
                .initFrom(from.site(s.name()).source().toDense()));
        Tensor y = half.forward(ids(1, 5), Pass.eval());
        assertThat(y.scalar_type().intern()).isEqualTo(ScalarType.BFloat16);
        assertThat(difference(y.to(ScalarType.Float), d.forward(ids(1, 5), Pass.eval())))
                .isLessThan(0.02);
    }

    private static final DecoderConfig PLAIN = DecoderConfig.plain(20, 16, 2, 4, 32);

    @Test
    void everyStyleAgreesWithItselfStepByStepAndFromTheCache() {
        for (DecoderConfig c : new DecoderConfig[] {
            PLAIN,
            PLAIN.withQkNorm(QkNorm.LAYER_NORM),
            PLAIN.withQkNorm(QkNorm.LAYER_NORM_BY_HEAD).withKvHeads(2),
            PLAIN.withStyle(DecoderStyle.LLAMA.withAttentionScale(DecoderStyle.AttentionScale.INVERSE))
        }) {
            Decoder d = decoder(c);
            Tensor full = d.forward(ids(2, 6), Pass.eval());
            assertThat(difference(full, d.forward(ids(2, 6), Pass.eval().withDoubleBackward())))
                    .isLessThan(1e-12);
            try (KvCache cache = new KvCache(c, 2, null, 6, ScalarType.Double)) {
                d.next(Tensors.slice(ids(2, 6), 1, 0, 5), cache, Pass.eval());
                Tensor last = d.next(Tensors.slice(ids(2, 6), 1, 5, 6), cache, Pass.eval());
                assertThat(difference(last, full.select(1, 5))).isLessThan(1e-12);
            }
        }
    }

    @Test
    void theMapsOfAPlainDecoderAreThoseItSays() {
        Parameters p = decoder(PLAIN.withQkNorm(QkNorm.LAYER_NORM)).parameters();
        assertThat(p.meta().stream().map(m -> m.name()).filter(n -> n.contains("layers.1")))
                .containsExactly(
                        "model.layers.1.input_layernorm.weight",
                        "model.layers.1.self_attn.q_proj.weight",
                        "model.layers.1.self_attn.k_proj.weight",
                        "model.layers.1.self_attn.v_proj.weight",
                        "model.layers.1.self_attn.o_proj.weight",
                        "model.layers.1.self_attn.q_norm.weight",
                        "model.layers.1.self_attn.k_norm.weight",
                        "model.layers.1.post_attention_layernorm.weight",
                        "model.layers.1.mlp.up_proj.weight",
                        "model.layers.1.mlp.down_proj.weight");
        assertThat(p.get("model.layers.1.self_attn.q_norm.weight").shape()).containsExactly(4);
        Parameters byHead = decoder(PLAIN.withQkNorm(QkNorm.LAYER_NORM_BY_HEAD)).parameters();
        assertThat(byHead.get("model.layers.1.self_attn.q_norm.weight").shape()).containsExactly(4, 4);
        assertThat(p.indexOf("lm_head.weight")).isNotNegative();
    }

    @Test
    void scalesByHeadThatAreEqualAreOneScale() {
        Decoder shared = PLAIN.withQkNorm(QkNorm.LAYER_NORM).build(Rng.of(1), ScalarType.Double);
        Decoder byHead = PLAIN.withQkNorm(QkNorm.LAYER_NORM_BY_HEAD).build(Rng.of(1), ScalarType.Double);
        Tensor scale = Tensors.of(new double[] {0.5, 2, -1, 3}, 4);
        try (var mode = Autograd.noGrad()) {
            shared.parameters().get("model.layers.0.self_attn.q_norm.weight").copy_(scale);
            byHead.parameters().get("model.layers.0.self_attn.q_norm.weight").copy_(scale);
        }
        assertThat(difference(shared.forward(ids(2, 6), Pass.eval()), byHead.forward(ids(2, 6), Pass.eval())))
                .isLessThan(1e-12);
    }

    /** With unit scales no attention logit exceeds sqrt(head size), whatever the weights. */
    @Test
    void normedQueriesAndKeysBoundAttentionLogits() {
        for (QkNorm norm : new QkNorm[] {QkNorm.LAYER_NORM, QkNorm.RMS_NORM, QkNorm.LAYER_NORM_BY_HEAD}) {
            Decoder d = PLAIN.withQkNorm(norm).build(Rng.of(1), ScalarType.Double);
            try (var mode = Autograd.noGrad()) {
                d.parameters().get("model.layers.0.self_attn.q_proj.weight").mul_(Tensors.scalar(1e4));
                d.parameters().get("model.layers.0.self_attn.k_proj.weight").mul_(Tensors.scalar(-1e4));
            }
            Taps taps = Taps.of("model.layers.0.self_attn.logits");
            d.forward(ids(2, 9), Pass.eval().withTaps(taps));
            Tensor z = taps.get("model.layers.0.self_attn.logits");
            double most =
                    z.masked_fill(z.isneginf(), Tensors.scalar(0)).abs().max().item_double();
            assertThat(most).isGreaterThan(0.5).isLessThanOrEqualTo(2 + 1e-9);
        }
    }

    @Test
    void aConstantVectorIsNormedToZeroNotToNan() {
        Tensor x = Tensors.zeros(ScalarType.Double, 1, 2, 4)
                .fill_(Tensors.scalar(7))
                .set_requires_grad(true);
        Tensor w = Tensors.zeros(ScalarType.Double, 4).fill_(Tensors.scalar(1));
        for (DecoderStyle.Norm norm : DecoderStyle.Norm.values()) {
            Tensor y = Norms.of(norm, x, w, 1e-6, false);
            assertThat(y.max().item_double()).isCloseTo(norm == DecoderStyle.Norm.LAYER_NORM ? 0 : 1, within(1e-6));
            ParamMeta m = new ParamMeta("x", Role.OTHER, 1, 1, false, 0);
            assertThat(Autograd.grad(y.square().sum(), new Parameters(List.of(m), List.of(x)), false)
                            .finite())
                    .isTrue();
        }
    }

    @Test
    void secondDerivativesOfThePlainStyleAreThoseOfDifferences() {
        hvpIsRight(decoder(PLAIN.withQkNorm(QkNorm.LAYER_NORM_BY_HEAD)));
    }

    @Test
    void freshWeightsOfThePlainStyleHaveDeviationsByFanIn() {
        DecoderConfig wide = DecoderConfig.plain(256, 64, 1, 16, 32);
        Parameters p = wide.build(Rng.of(1), ScalarType.Float).parameters();
        assertThat(p.get("model.embed_tokens.weight").std().item_double()).isCloseTo(0.125, within(0.004));
        assertThat(p.get("lm_head.weight").std().item_double()).isCloseTo(0.125, within(0.004));
        assertThat(p.get("model.layers.0.mlp.down_proj.weight").std().item_double())
                .isCloseTo(1.0 / 16, within(0.002));
        // cut off at two deviations of the normal that is cut
        assertThat(p.get("lm_head.weight").abs().max().item_double()).isBetween(0.27, 0.2843);
        Parameters mu = wide.withStyle(DecoderStyle.PLAIN.muParam(16))
                .build(Rng.of(1), ScalarType.Float)
                .parameters();
        assertThat(mu.get("model.layers.0.self_attn.q_proj.weight").abs().max().item_double())
                .isZero();
        assertThat(mu.get("model.layers.0.self_attn.k_proj.weight").std().item_double())
                .isCloseTo(0.125, within(0.004));
        assertThat(mu.get("lm_head.weight").std().item_double()).isCloseTo(4.0 / 64, within(0.002));
        assertThat(DecoderStyle.PLAIN.muParam(64).attentionScale().of(16)).isEqualTo(1.0 / 16);
    }

    @Test
    void refusesWhatDoesNotFit() {
        Decoder d = decoder(SMALL.withContext(6));
        assertThatThrownBy(() -> d.forward(Tensors.of(new long[] {1, 2, 3, 20}, 2, 2), Pass.eval()))
                .hasMessageContaining("Token id 20 in row 1, position 1")
                .hasMessageContaining("vocabulary of 20 ids");
        assertThatThrownBy(() -> d.forward(ids(1, 7), Pass.eval()))
                .hasMessageContaining("7 tokens")
                .hasMessageContaining("6 positions");
        assertThatThrownBy(() -> d.forward(Tensors.zeros(ScalarType.Long, 1, 0), Pass.eval()))
                .hasMessageContaining("no tokens");
        assertThatThrownBy(() -> SMALL.withKvHeads(3)).hasMessageContaining("multiple");
        assertThatThrownBy(() -> DecoderConfig.of(20, 12, 1, 4)).hasMessageContaining("even size; it has 3");
        assertThatThrownBy(() -> DecoderConfig.plain(20, 24, 1, 16, 8)).hasMessageContaining("heads of size 16");
        assertThatThrownBy(() -> new DecoderStyle.Initialisation.Fixed(0)).hasMessageContaining("> 0");
        assertThatThrownBy(() -> DecoderStyle.PLAIN.muParam(0)).hasMessageContaining("base fan-in");
        assertThatThrownBy(() -> TokenLoss.withZ(d.forward(ids(1, 3), Pass.eval()), ids(1, 3), -1))
                .hasMessageContaining("z-loss must be finite and >= 0");
        assertThatThrownBy(() -> TokenLoss.mean(d.forward(ids(1, 3), Pass.eval()), ids(1, 4)))
                .hasMessageContaining("do not belong together");
    }
}
