package dev.holdfast.nn.weight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Attention;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SurgeryTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Layer mlp() {
        Fresh f = new Fresh(Rng.of(3), ScalarType.Double, Init.KAIMING_UNIFORM);
        return new Sequence(
                "net",
                new Linear("fc.0", 6, 5, true, f),
                Activation.TANH,
                new Linear("fc.1", 5, 5, true, f),
                Activation.TANH,
                new Linear("out", 5, 2, true, f));
    }

    @Test
    void theFirstMatchingRuleWinsAndTheLedgerAddsUp() {
        Layer net = mlp();
        Ledger l = Surgery.start()
                .rule(Surgery.named("fc.1"), s -> LowRank.of(s, 1))
                .rule(Surgery.named("fc.*").and(Surgery.kind(Geometry.Kind.LINEAR)), s -> LowRank.of(s, 2))
                .apply(net);
        assertThat(l.bySite().get("fc.1").trainable()).isEqualTo(10);
        assertThat(l.bySite().get("fc.0").trainable()).isEqualTo(22);
        assertThat(l.bySite().get("out").trainable()).isEqualTo(10);
        assertThat(l.total().trainable()).isEqualTo(net.parameters().count()).isEqualTo(22 + 10 + 10 + 12);
        assertThat(l.total().logical()).isEqualTo(30 + 25 + 10 + 12);
        assertThat(l.total().multiplyAdds()).isEqualTo(22 + 10 + 10);
    }

    @Test
    void fullRankKeepsTheFunction() {
        Layer net = mlp();
        Tensor x = Nets.normal(1, 4, 6);
        Tensor before = net.forward(x, Pass.eval());
        Surgery.start()
                .rule(
                        Surgery.kind(Geometry.Kind.LINEAR),
                        s -> LowRank.of(s, (int)
                                Math.min(s.geometry().rows(), s.geometry().fanIn())))
                .apply(net);
        Nets.assertClose(net.forward(x, Pass.eval()), before, 1e-12);
    }

    @Test
    void aRuleThatWinsNothingIsAnErrorThatNamesTheSitesAndChangesNothing() {
        Layer net = mlp();
        State before = net.state().copy();
        assertThatThrownBy(() -> Surgery.start()
                        .rule(Surgery.named("fc.0"), s -> LowRank.of(s, 2))
                        .rule(Surgery.named("conv.*"), s -> LowRank.of(s, 2))
                        .apply(net))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Rule 2 of 2 matches no site")
                .hasMessageContaining("fc.0 (LINEAR [5, 6])");
        assertThatThrownBy(() -> Surgery.start()
                        .rule(Surgery.named("fc.*").and(Surgery.atLeast(20)), s -> LowRank.of(s, 2))
                        .rule(Surgery.named("fc.0"), s -> LowRank.of(s, 1))
                        .apply(net))
                .hasMessageContaining("only sites that an earlier rule takes");
        assertThatThrownBy(() -> Surgery.start()
                        .rule(Surgery.named("fc.0"), s -> LowRank.of(s, 2))
                        .rule(Surgery.named("out"), s -> LowRank.of(s, 3))
                        .apply(net))
                .hasMessageContaining("'out'")
                .hasMessageContaining("expected 1 to 2");
        assertThat(net.state().sameAs(before)).isTrue();
    }

    @Test
    void aStateIsNotLoadedIntoAnotherKindOfSource() {
        Layer net = mlp();
        State saved = net.state().copy();
        Surgery.start().rule(Surgery.named("fc.0"), s -> LowRank.of(s, 2)).apply(net);
        State before = net.state().copy();
        assertThatThrownBy(() -> net.load(saved))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("fc.0.source")
                .hasMessageContaining("low-rank [5, 6] rank=2")
                .hasMessageContaining("surgery");
        assertThat(net.state().sameAs(before)).isTrue();
    }

    @Test
    void loraLeavesTheBaseAloneAndStartsAsTheNetWas() {
        Layer net = mlp();
        Tensor x = Nets.normal(1, 4, 6);
        Tensor before = net.forward(x, Pass.eval()).detach().clone();
        Tensor base = Inventory.of(net).site("fc.0").source().toDense().clone();
        Surgery.start()
                .rule(Surgery.named("fc.0"), s -> LoraDelta.of(s, 2, 4, Rng.of(1)))
                .apply(net);
        Nets.assertSame(net.forward(x, Pass.eval()), before);
        Parameters p = net.parameters().where(m -> m.name().contains("lora"));
        assertThat(p.meta()).extracting(ParamMeta::name).containsExactly("fc.0.lora.a", "fc.0.lora.b");
        for (int i = 0; i < 3; i++) {
            p.add(
                    -0.5,
                    Autograd.grad(
                            net.forward(x, Pass.eval()).pow(Tensors.scalar(2)).sum(), p, false));
        }
        LoraDelta l = (LoraDelta) Inventory.of(net).site("fc.0").source();
        Nets.assertSame(l.base().toDense(), base);
        assertThat(Tensors.bytes(net.forward(x, Pass.eval()))).isNotEqualTo(Tensors.bytes(before));
        // W = W0 + alpha/r B A
        Nets.assertClose(
                l.toDense(), base.add(p.get("fc.0.lora.b").matmul(p.get("fc.0.lora.a")), Tensors.scalar(2)), 1e-14);
    }

    @Test
    void loraOnNamedRowsMovesOnlyThose() {
        Fresh f = new Fresh(Rng.of(3), ScalarType.Double, Init.KAIMING_UNIFORM);
        Attention net = new Attention("attn", 4, 2, false, 0, f);
        Site qkv = Inventory.of(net).site("attn.qkv");
        Tensor base = qkv.source().toDense().clone();
        Surgery.start()
                .rule(Surgery.named("attn.qkv"), s -> LoraDelta.of(s, 1, 1, Rng.of(1), "q", "v"))
                .apply(net);
        try (var mode = Autograd.noGrad()) {
            qkv.source().leaves().forEach(l -> l.value().fill_(Tensors.scalar(0.5)));
        }
        Tensor moved = qkv.source().toDense().sub(base);
        Nets.assertClose(
                Tensors.slice(moved, 0, 4), Tensors.zerosLike(base, 4, 4).fill_(Tensors.scalar(0.25)), 1e-15);
        Nets.assertSame(Tensors.slice(moved, 4, 8), Tensors.zerosLike(base, 4, 4));
        Nets.assertClose(
                Tensors.slice(moved, 8, 12), Tensors.zerosLike(base, 4, 4).fill_(Tensors.scalar(0.25)), 1e-15);
        Tensor x = Nets.normal(4, 2, 3, 4);
        Nets.assertClose(
                qkv.source().apply(x, null, qkv.geometry(), Pass.eval()),
                qkv.geometry().apply(x, qkv.source().toDense(), null),
                1e-13);
        assertThatThrownBy(() -> LoraDelta.of(qkv, 1, 1, Rng.of(1), "w"))
                .hasMessageContaining("no rows named 'w'")
                .hasMessageContaining("attn.qkv");
    }

    @Test
    void loraOnSomeChannelsOfAConvolution() {
        Fresh f = new Fresh(Rng.of(3), ScalarType.Double, Init.KAIMING_UNIFORM);
        Conv net = new Conv("c", 2, 4, Conv.Kernel.same(3, 1), false, f);
        Site whole = Inventory.of(net).site("c");
        Site s = new Site(whole.meta(), whole.geometry(), whole.source(), Map.of("mid", new long[] {1, 3}));
        LoraDelta l = LoraDelta.of(s, 1, 1, Rng.of(1), "mid");
        try (var mode = Autograd.noGrad()) {
            l.leaves().get(1).value().fill_(Tensors.scalar(0.5));
        }
        Tensor x = Nets.normal(4, 2, 2, 5, 5);
        Nets.assertClose(
                l.apply(x, null, s.geometry(), Pass.eval()),
                s.geometry().apply(x, l.materialise(Pass.eval()), null),
                1e-13);
    }

    @Test
    void partialKeepsFrozenEntriesUnderAnyMove() {
        Layer net = mlp();
        Site s = Inventory.of(net).site("fc.0");
        Tensor base = s.source().toDense().clone();
        double[] m = new double[30];
        for (int i = 0; i < 30; i += 3) {
            m[i] = 1;
        }
        Tensor mask = Tensors.of(m, 5, 6);
        s.source(Partial.of(s, mask));
        Parameters p = net.parameters();
        p.add(1, p.copy()); // doubles everything that can move
        Tensor expected = base.add(base.mul(mask));
        Nets.assertSame(s.source().toDense(), expected);
        assertThat(p.get("fc.0.free").numel()).isEqualTo(10);
        assertThatThrownBy(() -> Partial.of(s, mask.zero_())).hasMessageContaining("frees no entry");
        assertThatThrownBy(() -> Partial.of(s, Tensors.ids(1, 0))).hasMessageContaining("[2]");
    }

    @Test
    void aTiedSourceIsReplacedOnceAndStaysTied() {
        Layer net = mlp();
        Site a = Inventory.of(net).site("fc.1");
        Site b = new Site(
                new ParamMeta("tied", ParamMeta.Role.HIDDEN, 5, 5, true, 0), Geometry.linear(5, 5), a.source());
        Layer both = new Sequence("two", net, new Tied(b));
        long before = both.parameters().count();
        assertThat(before).isEqualTo(net.parameters().count());
        assertThat(Ledger.of(both).total().trainable()).isEqualTo(before);
        Ledger l = Surgery.start()
                .rule(Surgery.named("fc.1").or(Surgery.named("tied")), s -> LowRank.of(s, 2))
                .apply(both);
        assertThat(a.source()).isSameAs(b.source());
        assertThat(l.total().trainable()).isEqualTo(both.parameters().count());
        Inventory copied = Inventory.of(both.copy(new Copier()));
        assertThat(copied.site("fc.1").source()).isSameAs(copied.site("tied").source());
        assertThat(copied.site("fc.1").source()).isNotSameAs(a.source());
        Surgery.bake(both);
        assertThat(a.source()).isSameAs(b.source()).isInstanceOf(Dense.class);
    }

    /** A layer on a site that it is given. */
    private record Tied(Site site) implements Layer {
        @Override
        public Tensor forward(Tensor x, Pass pass) {
            return site.apply(x, null, pass);
        }

        @Override
        public void describe(Inventory into) {
            into.add(site);
        }

        @Override
        public Tied copy(Copier c) {
            return new Tied(c.site(site));
        }
    }
}
