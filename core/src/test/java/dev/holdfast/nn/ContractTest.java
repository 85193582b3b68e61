package dev.holdfast.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ContractTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Site site(String name, Geometry g) {
        return Dense.at(
                new ParamMeta(name, ParamMeta.Role.HIDDEN, 1, 1, true, 0), g, Nets.normal(name.hashCode(), g.sizes()));
    }

    /** Sites that are given to it. */
    private record Bag(List<Site> sites, Map<String, Tensor> buffers) implements Part {
        @Override
        public void describe(Inventory into) {
            sites.forEach(into::add);
            buffers.forEach(into::buffer);
        }

        @Override
        public Bag copy(Copier c) {
            return new Bag(sites.stream().map(c::site).toList(), Map.of());
        }
    }

    @Test
    void parametersAreDistinctLeavesByIdentity() {
        Site a = site("a", Geometry.linear(2, 3));
        Site tied =
                new Site(new ParamMeta("tied", ParamMeta.Role.HEAD, 3, 2, true, 0), Geometry.linear(2, 3), a.source());
        Bag bag = new Bag(List.of(a, tied, a, site("b", Geometry.vector(4))), Map.of());
        assertThat(bag.parameters().meta()).extracting(ParamMeta::name).containsExactly("a.weight", "b");
        assertThat(bag.parameters().count()).isEqualTo(10);
        Bag copy = bag.copy(new Copier());
        assertThat(copy.parameters().count()).isEqualTo(10);
        assertThat(copy.sites().get(0)).isSameAs(copy.sites().get(2));
        assertThat(copy.sites().get(0).source()).isSameAs(copy.sites().get(1).source());
        assertThat(copy.parameters().get(0)).isNotSameAs(bag.parameters().get(0));
        assertThat(copy.parameters().get(0).requires_grad()).isTrue();
        Nets.assertSame(copy.parameters().get(0), bag.parameters().get(0));
    }

    @Test
    void namesThatClashAreRefused() {
        Site a = site("a", Geometry.linear(2, 3));
        Bag twice = new Bag(List.of(a, site("a", Geometry.linear(2, 3))), Map.of());
        assertThatThrownBy(twice::parameters).hasMessageContaining("Two sites are named 'a'");
        assertThatThrownBy(() -> Inventory.of(new Bag(List.of(a), Map.of())).site("c"))
                .hasMessageContaining("no site 'c'")
                .hasMessageContaining("[a]");
    }

    @Test
    void frozenCopiesSeeTheSameMemoryWithoutGradient() {
        Site a = site("a", Geometry.linear(2, 3));
        WeightSource f = Copier.frozen().source(a.source());
        assertThat(f.leaves().get(0).value().requires_grad()).isFalse();
        a.source().initFrom(Nets.normal(77, 2, 3));
        Nets.assertSame(f.toDense(), a.source().toDense());
    }

    @Test
    void leavesOutliveTheScopeTheyWereMadeIn() {
        Site a;
        try (Scope inner = Scope.open()) {
            a = site("a", Geometry.linear(2, 3));
            a = new Copier().site(a);
        }
        assertThat(Tensors.doubles(a.source().toDense())).isEqualTo(Tensors.doubles(Nets.normal("a".hashCode(), 2, 3)));
    }

    @Test
    void aPassIsBuiltByValue() {
        Pass p = Pass.train(Rng.of(1));
        Tensor c = Nets.normal(1, 2, 2);
        AttentionMemory m = new AttentionMemory(Nets.normal(1, 1, 1, 1, 1), Nets.normal(1, 1, 1, 1, 1));
        Taps taps = Taps.where(n -> n.startsWith("block"));
        Pass q = p.withTask(3)
                .withCondition(c)
                .withMask(c)
                .withProgress(0.5)
                .withTaps(taps)
                .withPrefix("a", m)
                .withPrefix("b", m)
                .withDoubleBackward();
        assertThat(p.task()).isEqualTo(-1);
        assertThat(p.condition()).isNull();
        assertThat(p.prefix("a")).isNull();
        assertThat(p.doubleBackward()).isFalse();
        assertThat(q.training()).isTrue();
        assertThat(q.rng()).isSameAs(p.rng());
        assertThat(q.task()).isEqualTo(3);
        assertThat(q.condition()).isSameAs(c);
        assertThat(q.mask()).isSameAs(c);
        assertThat(q.progress()).isEqualTo(0.5);
        assertThat(q.taps()).isSameAs(taps);
        assertThat(q.prefixed()).containsExactlyInAnyOrder("a", "b");
        assertThat(q.doubleBackward()).isTrue();
        assertThatThrownBy(() -> p.withProgress(1.5)).hasMessageContaining("1.5");
        assertThatThrownBy(() -> Pass.train(null)).hasMessageContaining("random stream");
        assertThatThrownBy(() -> Pass.eval().rng()).hasMessageContaining("evaluates");
        assertThat(Pass.eval().withRng(Rng.of(2)).rng().key())
                .isEqualTo(Rng.of(2).key());
    }

    @Test
    void aMemoIsMadeOncePerPass() {
        Pass p = Pass.eval();
        Object key = new Object();
        Tensor t = p.memo(key, () -> Nets.normal(1, 2));
        assertThat(p.memo(key, () -> Nets.normal(2, 2))).isSameAs(t);
        assertThat(p.withTask(1).memo(key, () -> Nets.normal(2, 2))).isNotSameAs(t);
    }

    @Test
    void weightsOfTheirOwnForEveryRow() {
        Tensor x = Nets.normal(1, 3, 4);
        Tensor w = Nets.normal(2, 3, 2, 4);
        Tensor b = Nets.normal(3, 3, 2);
        Geometry g = Geometry.linear(2, 4);
        Tensor y = g.apply(x, w, b);
        Tensor tokens = Nets.normal(4, 3, 5, 4);
        Tensor yt = g.apply(tokens, w, b);
        Geometry conv = Geometry.conv(4, 2, 3, 1, 1, 2);
        Tensor image = Nets.normal(5, 3, 2, 4, 4);
        Tensor k = Nets.normal(6, 3, 4, 1, 3, 3);
        Tensor kb = Nets.normal(7, 3, 4);
        Tensor yc = conv.apply(image, k, kb);
        for (int i = 0; i < 3; i++) {
            Nets.assertClose(row(y, i), g.apply(row(x, i), w.select(0, i), b.select(0, i)), 1e-13);
            Nets.assertClose(row(yt, i), g.apply(row(tokens, i), w.select(0, i), b.select(0, i)), 1e-13);
            Nets.assertClose(row(yc, i), conv.apply(row(image, i), k.select(0, i), kb.select(0, i)), 1e-13);
        }
        // one weight for all, a bias a row
        Nets.assertClose(
                g.apply(x, w.select(0, 0), b), g.apply(x, w.select(0, 0), null).add(b), 1e-14);
        Nets.assertClose(
                conv.apply(image, k.select(0, 0), kb),
                conv.apply(image, k.select(0, 0), null).add(kb.view(3, 4, 1, 1)),
                1e-14);
        assertThatThrownBy(() -> g.apply(Nets.normal(1, 2, 4), w, null)).hasMessageContaining("3 rows but 2 rows");
        assertThatThrownBy(() -> Geometry.embedding(5, 4).apply(Tensors.ids(1), Nets.normal(1, 1, 5, 4), null))
                .hasMessageContaining("EMBEDDING");
        assertThatThrownBy(() -> Geometry.conv(4, 3, 3, 1, 1, 2)).hasMessageContaining("2 groups");
    }

    private static Tensor row(Tensor t, int i) {
        return Tensors.slice(t, i, i + 1);
    }

    @Test
    void aSiteTransformsWhatEntersIt() {
        Site a = site("a", Geometry.linear(2, 3));
        a.input((x, pass) -> x.mul(Tensors.scalar(2)));
        Tensor x = Nets.normal(1, 4, 3);
        Taps taps = Taps.of("site:a.in");
        Tensor y = a.apply(x, null, Pass.eval().withTaps(taps));
        Nets.assertClose(y, x.mul(Tensors.scalar(2)).matmul(a.source().toDense().t()), 1e-14);
        Nets.assertSame(taps.get("site:a.in"), x.mul(Tensors.scalar(2)));
        assertThat(new Copier().site(a).input()).isSameAs(a.input());
        assertThat(ScalarType.Double).isEqualTo(y.scalar_type().intern());
    }
}
