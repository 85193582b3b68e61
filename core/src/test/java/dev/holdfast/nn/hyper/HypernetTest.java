package dev.holdfast.nn.hyper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.hyper.HypernetConfig.Norm;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.GroupNorm;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.nn.weight.Ledger;
import dev.holdfast.nn.weight.Surgery;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NativeMemory.class)
class HypernetTest {
    private static final List<Integer> SMALL = List.of(6, 5);
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static HypernetConfig small(HypernetConfig c) {
        return c.with(SMALL, c.activation(), c.norm());
    }

    private static Layer mlp() {
        Fresh f = new Fresh(Rng.of(1), ScalarType.Double, Init.KAIMING_NORMAL);
        return new Sequence("net", new Linear("a", 4, 3, true, f), Activation.TANH, new Linear("b", 3, 2, true, f));
    }

    private static Layer images() {
        Fresh f = new Fresh(Rng.of(1), ScalarType.Double, Init.KAIMING_NORMAL);
        return new Sequence(
                "net",
                new Conv("c", 2, 4, Conv.Kernel.same(3, 1), true, f),
                Activation.RELU,
                new InputShape(List.of(4L * 5 * 5)),
                new Linear("b", 100, 2, true, f));
    }

    private static Hypernet all(Layer net, HypernetConfig c) {
        return Hypernet.replace(net, s -> true, Map.of("gamma", 2L), c, Rng.of(2));
    }

    private static Pass at(double... gamma) {
        return Pass.eval().withCondition(Tensors.of(new double[][] {gamma}));
    }

    private static void zero(Layer net) {
        try (var mode = Autograd.noGrad()) {
            net.parameters().get("hyper.last.weight").zero_();
        }
    }

    @Property(tries = 30, seed = "1")
    void theEncodingHasTheSameLengthEverywhere(
            @ForAll @DoubleRange(min = 0, max = 1) double a, @ForAll @DoubleRange(min = 0, max = 1) double b) {
        try (Scope s = Scope.open()) {
            Tensor e = MagnitudeEncoding.COS_SIN.encode(Tensors.of(new double[][] {{a, b}}));
            assertThat(e.shape()).containsExactly(1, 4);
            assertThat(e.square().sum().item_double()).isCloseTo(2, within(1e-12));
        }
    }

    @Test
    void encodingsAreWhatTheySay() {
        Tensor g = Tensors.of(new double[][] {{0.3, 0.4}, {0, 1}});
        Nets.assertSame(MagnitudeEncoding.IDENTITY.encode(g), g);
        Nets.assertClose(
                MagnitudeEncoding.LINEAR.encode(g),
                Tensors.of(new double[][] {{0.3, 0.4, 0.7, 0.6}, {0, 1, 1, 0}}),
                1e-15);
        Nets.assertClose(MagnitudeEncoding.UNIT_NORM.encode(g), Tensors.of(new double[][] {{0.6, 0.8}, {0, 1}}), 1e-15);
        Nets.assertClose(
                MagnitudeEncoding.COS_SIN.encode(Tensors.of(new double[][] {{0, 1}})),
                Tensors.of(new double[][] {{1, 0, 0, 1}}),
                1e-15);
        for (MagnitudeEncoding e : MagnitudeEncoding.values()) {
            assertThat(e.encode(g).size(1)).isEqualTo(e.width(2));
        }
    }

    /** Section 3 of the paper: without encoding and biases, what is generated is as large as the condition. */
    @ParameterizedTest
    @EnumSource(
            value = Activation.class,
            names = {"RELU", "LEAKY_RELU"})
    void thePlainFormIsProportionalToItsCondition(Activation a) {
        Layer net = mlp();
        all(net, small(HypernetConfig.plain()).with(SMALL, a, Norm.NONE));
        Tensor one = Hypernet.weights(net, at(0.2, 0.1)).get("a");
        for (double c : new double[] {0.5, 2, 5}) {
            Nets.assertClose(Hypernet.weights(net, at(0.2 * c, 0.1 * c)).get("a"), one.mul(Tensors.scalar(c)), 1e-12);
        }
        assertThat(Hypernet.weights(net, at(0, 0)).get("a").norm().item_double())
                .isZero();
    }

    @Test
    void withoutAnythingGeneratedTheNetIsWhatItWas() {
        for (Layer net : List.of(mlp(), images())) {
            Tensor x = net.parameters().get(0).dim() == 4 ? Nets.normal(3, 6, 2, 5, 5) : Nets.normal(3, 6, 4);
            Tensor before = net.forward(x, Pass.eval()).detach();
            all(net, small(HypernetConfig.mip()));
            zero(net);
            Nets.assertSame(net.forward(x, at(0.3, 0.8)), before);
        }
    }

    @Test
    void theGradientOfW0IsThatOfTheNetsOwnWeights() {
        Layer net = mlp();
        Layer own = net.copy();
        Tensor x = Nets.normal(3, 6, 4);
        all(net, small(HypernetConfig.mip()));
        zero(net);
        ParamVector mine = Autograd.grad(net.forward(x, at(0.3, 0.8)).square().sum(), net.parameters(), false);
        ParamVector theirs = Autograd.grad(own.forward(x, Pass.eval()).square().sum(), own.parameters(), false);
        for (int i = 0; i < theirs.of().size(); i++) {
            String name = theirs.of().meta().get(i).name();
            int k = mine.of().meta().stream().map(m -> m.name()).toList().indexOf(name);
            Nets.assertClose(mine.get(k), theirs.get(i), 1e-12);
        }
    }

    @ParameterizedTest
    @EnumSource(Norm.class)
    void generatingForABatchIsGeneratingOneByOne(Norm norm) {
        for (HypernetConfig form : List.of(HypernetConfig.mip(), HypernetConfig.plain())) {
            Layer net = images();
            all(net, form.with(SMALL, Activation.SILU, norm));
            Tensor x = Nets.normal(3, 3, 2, 5, 5);
            double[][] gamma = {{0.1, 0.9}, {0.5, 0.5}, {1, 0}};
            Tensor together = net.forward(x, Pass.eval().withCondition(Tensors.of(gamma)));
            Map<String, Tensor> weights = Hypernet.weights(net, Pass.eval().withCondition(Tensors.of(gamma)));
            for (int i = 0; i < gamma.length; i++) {
                Nets.assertClose(net.forward(Tensors.rows(x, i), at(gamma[i])), Tensors.rows(together, i), 1e-12);
                Map<String, Tensor> single = Hypernet.weights(net, at(gamma[i]));
                for (String site : single.keySet()) {
                    Nets.assertClose(weights.get(site).select(0, i), single.get(site), 1e-12);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Norm.class)
    void gradientsAgreeWithCentralDifferences(Norm norm) {
        Layer net = mlp();
        all(net, HypernetConfig.mip().with(SMALL, Activation.GELU, norm));
        Tensor x = Nets.normal(3, 3, 4);
        Tensor gamma = Nets.leaf(Tensors.of(new double[][] {{0.1, 0.9}, {0.5, 0.6}, {0.8, 0}}));
        // the biases of generated layers start at zero rows, which a difference sees like any other
        Nets.checkGradients(
                Nets.with(net.parameters(), gamma),
                () -> net.forward(x, Pass.eval().withCondition(gamma)).square().sum());
    }

    @Test
    void aFrozenW0IsNoLeafAndKeepsItsBits() {
        Layer net = mlp();
        all(net, small(HypernetConfig.mip()));
        long before = net.parameters().count();
        byte[] w0 = Tensors.bytes(net.parameters().get("a.weight"));
        Hypernet.freezeIndependent(net);
        assertThat(net.parameters().count()).isEqualTo(before - (12 + 3 + 6 + 2));
        Tensor x = Nets.normal(3, 6, 4);
        Parameters p = net.parameters();
        for (int i = 0; i < 3; i++) {
            p.add(-0.1, Autograd.grad(net.forward(x, at(0.3, 0.8)).square().sum(), p, false));
        }
        Tensor frozen = net.state().tensors().entrySet().stream()
                .filter(e -> e.getKey().equals("a.base.a.weight"))
                .findFirst()
                .orElseThrow()
                .getValue();
        assertThat(Tensors.bytes(frozen)).isEqualTo(w0);
    }

    @Test
    void aPretrainedNetBecomesW0() {
        Layer net = mlp();
        Fresh other = new Fresh(Rng.of(9), ScalarType.Double, Init.KAIMING_NORMAL);
        Layer pretrained = new Sequence(
                "net", new Linear("a", 4, 3, true, other), Activation.TANH, new Linear("b", 3, 2, true, other));
        all(net, small(HypernetConfig.mip()));
        Hypernet.setIndependent(net, pretrained);
        zero(net);
        Tensor x = Nets.normal(3, 6, 4);
        Nets.assertSame(net.forward(x, at(0.3, 0.8)), pretrained.forward(x, Pass.eval()));

        Layer plain = mlp();
        all(plain, small(HypernetConfig.plain()));
        assertThatThrownBy(() -> Hypernet.setIndependent(plain, pretrained))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no independent part")
                .hasMessageContaining("residual=true");
        assertThatThrownBy(() -> Hypernet.freezeIndependent(pretrained)).hasMessageContaining("No weight");
    }

    @Test
    void aDenseWeightIsTakenOverAtTheReferenceCondition() {
        Layer net = mlp();
        all(net, small(HypernetConfig.mip()));
        Generated g = (Generated) Inventory.of(net).site("a").source();
        Tensor wanted = Nets.normal(4, 3, 4);
        assertThat(g.initFrom(wanted)).isLessThan(1e-12);
        Nets.assertClose(Hypernet.weights(net, at(0.5, 0.5)).get("a"), wanted, 1e-12);
        Layer plain = mlp();
        all(plain, small(HypernetConfig.plain()));
        Generated h = (Generated) Inventory.of(plain).site("a").source();
        Tensor before = h.toDense().clone();
        assertThat(h.initFrom(wanted)).isGreaterThan(0.1);
        Nets.assertSame(h.toDense(), before);
        Surgery.bake(plain);
        Nets.assertSame(plain.parameters().get("a.weight").detach(), before);
    }

    @Test
    void copiesShareNothingAndKeepOneHypernetwork() {
        Layer net = mlp();
        Hypernet h = all(net, small(HypernetConfig.mip()).with(SMALL, Activation.TANH, Norm.BATCH));
        h.range(new double[] {-1, 0}, new double[] {1, 4});
        State saved = net.state().copy();
        Layer twin = net.copy(new Copier());
        Tensor x = Nets.normal(3, 6, 4);
        Nets.assertSame(twin.forward(x, at(0.3, 0.8)), net.forward(x, at(0.3, 0.8)));
        assertThat(twin.parameters().count()).isEqualTo(net.parameters().count());
        assertThat(Ledger.of(twin).total()).isEqualTo(Ledger.of(net).total());
        try (var mode = Autograd.noGrad()) {
            twin.state().tensors().values().forEach(Tensor::zero_);
        }
        assertThat(net.state().sameAs(saved)).isTrue();
        twin.load(saved);
        assertThat(twin.state().sameAs(saved)).isTrue();
        assertThat(((Generated) Inventory.of(twin).site("a").source()).hypernet())
                .isSameAs(((Generated) Inventory.of(twin).site("b").source()).hypernet())
                .isNotSameAs(h);
        assertThat(Ledger.of(net).total().trainable())
                .isEqualTo(net.parameters().count());
        long kept =
                net.state().tensors().values().stream().mapToLong(Tensor::numel).sum();
        assertThat(Ledger.of(net).total().stored()).isEqualTo(kept);
        assertThat(h.state().tensors()).containsKeys("hyper.last.weight", "hyper.range", "hyper.0.weight");
    }

    @Test
    void theRangeBringsConditionsToTheUnitInterval() {
        Layer net = mlp();
        Hypernet h = all(net, small(HypernetConfig.mip()));
        Tensor inside = h.encode(Tensors.of(new double[][] {{0.25, 0.5}}));
        h.range(new double[] {-90, 10}, new double[] {90, 20});
        Nets.assertClose(h.encode(Tensors.of(new double[][] {{-45, 15}})), inside, 1e-15);
        assertThat(Tensors.doubles(h.reference())).containsExactly(0, 15);
        assertThatThrownBy(() -> h.range(new double[] {0}, new double[] {1})).hasMessageContaining("expected 2 each");
        assertThatThrownBy(() -> h.range(new double[] {0, 1}, new double[] {1, 1}))
                .hasMessageContaining("Condition 1")
                .hasMessageContaining("min < max");
    }

    @Test
    void namedConditionsArePutTogetherInTheOrderOfTheirNames() {
        Layer net = mlp();
        Hypernet h = Hypernet.replace(
                net, s -> true, Map.of("scale", 1L, "angle", 2L), small(HypernetConfig.mip()), Rng.of(2));
        Tensor scale = Tensors.of(new double[] {7, 8}, 2);
        Tensor angle = Tensors.of(new double[] {1, 2, 3, 4}, 2, 1, 2);
        assertThat(Tensors.doubles(h.condition(Map.of("scale", scale, "angle", angle))))
                .containsExactly(1, 2, 7, 3, 4, 8);
        assertThatThrownBy(() -> h.condition(Map.of("scale", scale, "tilt", angle)))
                .hasMessageContaining("[scale, tilt]")
                .hasMessageContaining("[angle, scale]");
        assertThatThrownBy(() -> h.condition(Map.of("scale", Tensors.slice(scale, 0, 1), "angle", angle)))
                .hasMessageContaining("angle 2, scale 1");
        assertThatThrownBy(() -> h.condition(Map.of("scale", angle, "angle", angle)))
                .hasMessageContaining("'scale' has 2");
    }

    @Test
    void badRequestsAreNamedAndChangeNothing() {
        Layer net = mlp();
        State before = net.state().copy();
        HypernetConfig mip = small(HypernetConfig.mip());
        assertThatThrownBy(() -> Hypernet.replace(net, s -> false, Map.of("g", 1L), mip, Rng.of(1)))
                .hasMessageContaining("a.bias");
        assertThatThrownBy(() -> Hypernet.replace(net, s -> true, Map.of(), mip, Rng.of(1)))
                .hasMessageContaining("width >= 1");
        HypernetConfig tight = new HypernetConfig(
                SMALL,
                Activation.RELU,
                Norm.NONE,
                MagnitudeEncoding.COS_SIN,
                true,
                HypernetConfig.Start.FAN_OUT_SPLIT,
                true,
                100);
        assertThatThrownBy(() -> all(net, tight))
                .hasMessageContaining("(5 + 1) x 23 = 138")
                .hasMessageContaining("fewer sites");
        assertThatThrownBy(() -> Hypernet.replace(
                        net,
                        s -> true,
                        Map.of("g", 1L),
                        HypernetConfig.plain().with(MagnitudeEncoding.UNIT_NORM, false),
                        Rng.of(1)))
                .hasMessageContaining("UNIT_NORM");
        Layer normed = new Sequence(
                "n", new GroupNorm("g", 4, 2, new Fresh(Rng.of(1), ScalarType.Double, Init.KAIMING_NORMAL)));
        assertThatThrownBy(() -> all(normed, small(HypernetConfig.plain())))
                .hasMessageContaining("'g.weight'")
                .hasMessageContaining("residual");
        assertThat(net.state().sameAs(before)).isTrue();
        assertThatThrownBy(() -> mip.with(List.of(), Activation.RELU, Norm.NONE))
                .hasMessageContaining("hidden");

        Hypernet h = all(net, mip);
        Tensor x = Nets.normal(3, 6, 4);
        assertThatThrownBy(() -> net.forward(x, Pass.eval())).hasMessageContaining("withCondition");
        assertThatThrownBy(() -> net.forward(x, at(0.5))).hasMessageContaining("expected [n,2]");
        assertThatThrownBy(() ->
                        net.forward(x, Pass.eval().withCondition(Tensors.of(new double[][] {{0, 0}, {0, Double.NaN}}))))
                .hasMessageContaining("row 1")
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> net.forward(x, Pass.eval().withCondition(Tensors.of(new double[][] {{0, 0}, {0, 1}}))))
                .hasMessageContaining("weights for 2 rows");
        assertThatThrownBy(() -> h.slice(Inventory.of(images()).site("c"))).hasMessageContaining("'c'");
        // outside of the range the weights are still computed
        assertThat(net.forward(x, at(-1, 3)).isfinite().all().item_bool()).isTrue();
    }
}
