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
import dev.holdfast.nn.WeightSource;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.Embedding;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The laws that every weight source obeys, at every kind of site. */
class SourceLawsTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    static Stream<Arguments> all() {
        Map<String, Function<Site, WeightSource>> sources = new LinkedHashMap<>();
        sources.put("dense", Dense::of);
        sources.put("low-rank", s -> LowRank.of(s, 2));
        sources.put("lora", SourceLawsTest::lora);
        sources.put("lora over low-rank", s -> {
            s.source(LowRank.of(s, 3));
            return lora(s);
        });
        sources.put("weight norm", WeightNorm::of);
        sources.put("partial", s -> {
            Tensor mask = Rng.of(5).uniform(s.geometry().sizes()).lt(Tensors.scalar(0.5));
            return Partial.of(s, mask);
        });
        return sources.entrySet().stream().flatMap(e -> Stream.of("linear", "conv", "grouped", "embedding")
                .map(kind -> Arguments.of(e.getKey(), kind, e.getValue())));
    }

    /** With factors that are not zero, so that the change is seen. */
    private static LoraDelta lora(Site s) {
        LoraDelta l = LoraDelta.of(s, 2, 3, Rng.of(7));
        try (var mode = Autograd.noGrad()) {
            l.leaves()
                    .get(1)
                    .value()
                    .copy_(Nets.normal(9, l.leaves().get(1).value().shape()));
        }
        return l;
    }

    private static Layer layer(String kind, ScalarType dtype) {
        Fresh f = new Fresh(Rng.of(1), dtype, Init.KAIMING_UNIFORM);
        return switch (kind) {
            case "linear" -> new Linear("w", 5, 4, true, f);
            case "conv" -> new Conv("w", 3, 4, Conv.Kernel.same(3, 2), true, f);
            case "grouped" -> new Conv("w", 4, 6, new Conv.Kernel(3, 1, 0, 2), true, f);
            default -> new Embedding("w", 6, 4, f);
        };
    }

    private static Tensor rows(String kind) {
        return switch (kind) {
            case "linear" -> Nets.normal(2, 3, 5);
            case "conv" -> Nets.normal(2, 2, 3, 5, 5);
            case "grouped" -> Nets.normal(2, 2, 4, 4, 4);
            default -> Tensors.ids(0, 3, 5, 3);
        };
    }

    private static Site site(Layer net) {
        return Inventory.of(net).site("w");
    }

    private static Tensor weighted(Tensor y) {
        return y.mul(Nets.normal(11, y.shape()).to(y.scalar_type())).sum();
    }

    private static Layer with(String kind, Function<Site, WeightSource> make, ScalarType dtype) {
        Layer net = layer(kind, dtype);
        site(net).source(make.apply(site(net)));
        return net;
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void applyIsTheDenseOperationOnTheMaterialisedWeight(String name, String kind, Function<Site, WeightSource> make) {
        for (ScalarType dtype : new ScalarType[] {ScalarType.Double, ScalarType.Float}) {
            Layer net = with(kind, make, dtype);
            Site s = site(net);
            Tensor x = kind.equals("embedding") ? rows(kind) : rows(kind).to(dtype);
            Tensor w = s.source().materialise(Pass.eval());
            assertThat(w.shape()).containsExactly(s.geometry().sizes());
            assertThat(w.scalar_type().intern()).isEqualTo(dtype);
            Nets.assertClose(
                    s.source().apply(x, null, s.geometry(), Pass.eval()),
                    s.geometry().apply(x, w, null),
                    dtype == ScalarType.Double ? 1e-12 : 1e-5);
            Nets.assertClose(s.source().toDense(), w, dtype == ScalarType.Double ? 1e-12 : 1e-5);
        }
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void gradientsAgreeWithCentralDifferences(String name, String kind, Function<Site, WeightSource> make) {
        Layer net = with(kind, make, ScalarType.Double);
        Nets.checkGradients(net.parameters(), () -> weighted(net.forward(rows(kind), Pass.eval())));
        Nets.checkGradients(
                net.parameters().where(m -> !m.name().equals("w.bias")),
                () -> weighted(site(net).weight(Pass.eval())));
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void bakingKeepsOutputsAndRemovesTheLeaves(String name, String kind, Function<Site, WeightSource> make) {
        Layer net = with(kind, make, ScalarType.Double);
        Tensor before = net.forward(rows(kind), Pass.eval()).detach();
        Surgery.bake(net);
        Nets.assertClose(net.forward(rows(kind), Pass.eval()), before, 1e-12);
        assertThat(net.parameters().meta().get(0).name()).isEqualTo("w.weight");
        assertThat(site(net).source()).isInstanceOf(Dense.class);
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void savingAndLoadingIsExact(String name, String kind, Function<Site, WeightSource> make) {
        Layer net = with(kind, make, ScalarType.Double);
        State saved = net.state().copy();
        Layer other = net.copy(new Copier());
        try (var mode = Autograd.noGrad()) {
            for (Tensor t : other.state().tensors().values()) {
                t.zero_();
            }
        }
        assertThat(net.state().sameAs(saved)).as("the copy shares nothing").isTrue();
        other.load(saved);
        assertThat(other.state().sameAs(saved)).isTrue();
        Nets.assertSame(other.forward(rows(kind), Pass.eval()), net.forward(rows(kind), Pass.eval()));

        State bare = new State().put("kind", site(other).source().kind());
        site(net).source().state().tensors().forEach((k, t) -> bare.put(k, t));
        site(other).source().load(bare.copy());
        assertThat(site(other).source().state().sameAs(site(net).source().state()))
                .isTrue();
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void theLedgerCountsDistinctLeaves(String name, String kind, Function<Site, WeightSource> make) {
        Layer net = with(kind, make, ScalarType.Double);
        Ledger ledger = Ledger.of(net);
        assertThat(ledger.total().trainable()).isEqualTo(net.parameters().count());
        long floating = net.state().tensors().values().stream()
                .filter(Tensor::is_floating_point)
                .mapToLong(Tensor::numel)
                .sum();
        assertThat(ledger.total().stored()).isEqualTo(floating);
        long bits = net.state().tensors().values().stream()
                .mapToLong(t -> t.nbytes() * 8)
                .sum();
        assertThat(ledger.total().bits()).isEqualTo(bits);
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void nothingIsCachedAcrossUpdates(String name, String kind, Function<Site, WeightSource> make) {
        Layer net = with(kind, make, ScalarType.Double);
        Parameters p = net.parameters();
        Tensor first = net.forward(rows(kind), Pass.eval());
        ParamVector g = Autograd.grad(weighted(first), p, false);
        p.add(-0.1, g);
        Tensor moved = net.forward(rows(kind), Pass.eval());
        assertThat(Tensors.bytes(moved)).isNotEqualTo(Tensors.bytes(first));
        p.add(0.1, g);
        Nets.assertClose(net.forward(rows(kind), Pass.eval()), first, 1e-12);
        // two passes over one set of leaves in one graph, then a second derivative
        ParamVector v = p.copy();
        ParamVector hv = Autograd.hvp(twice(net, kind), p, v);
        ParamVector up = at(net, kind, p, v, 1e-5);
        ParamVector down = at(net, kind, p, v, -1e-5);
        Nets.assertClose(hv.flat(), up.plus(-1, down).times(1 / 2e-5).flat(), 1e-5);
    }

    private static Tensor twice(Layer net, String kind) {
        return weighted(net.forward(rows(kind), Pass.eval()))
                .add(net.forward(rows(kind), Pass.eval()).pow(Tensors.scalar(3)).sum());
    }

    /** Gradient at p + h v. */
    private static ParamVector at(Layer net, String kind, Parameters p, ParamVector v, double h) {
        try (var moved = p.perturbed(v.times(h))) {
            return Autograd.grad(twice(net, kind), p, false);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void initFromTakesOverADenseWeightAndSaysHowWell(String name, String kind, Function<Site, WeightSource> make) {
        Layer net = with(kind, make, ScalarType.Double);
        Site s = site(net);
        Tensor wanted = Nets.normal(21, s.geometry().sizes());
        double error = s.source().initFrom(wanted);
        double off = s.source().toDense().sub(wanted).norm().item_double()
                / wanted.norm().item_double();
        assertThat(error).isCloseTo(off, Offset.offset(1e-12));
        if (name.equals("dense") || name.equals("lora") || name.equals("partial")) {
            assertThat(error).isZero();
        } else if (name.equals("weight norm")) {
            assertThat(error).isLessThan(1e-15);
        } else {
            assertThat(error).isBetween(1e-3, 1.0);
        }
        assertThatThrownBy(() -> s.source().initFrom(Nets.normal(1, 2, 2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[2, 2]");
    }

    @ParameterizedTest(name = "{0} at {1}")
    @MethodSource("all")
    void aSourceOfAnotherShapeIsRefused(String name, String kind, Function<Site, WeightSource> make) {
        Layer net = layer(kind, ScalarType.Double);
        Site s = site(net);
        WeightSource before = s.source();
        Site big = Dense.at(s.meta(), Geometry.linear(7, 9), Nets.normal(3, 7, 9));
        WeightSource other = make.apply(big);
        assertThatThrownBy(() -> s.source(other))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'w'")
                .hasMessageContaining("[7, 9]");
        assertThat(s.source()).isSameAs(before);
    }
}
