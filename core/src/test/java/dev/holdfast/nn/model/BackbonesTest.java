package dev.holdfast.nn.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.nn.AttentionMemory;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Span;
import dev.holdfast.nn.Taps;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.nn.weight.LoraDelta;
import dev.holdfast.nn.weight.LowRank;
import dev.holdfast.nn.weight.Surgery;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BackbonesTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    static Stream<Backbone> backbones() {
        return Stream.of(
                new Mlp(List.of(1L, 8L, 8L), List.of(7, 5), Init.KAIMING_UNIFORM, Activation.GELU, 0.2),
                new Mlp(List.of(64L), List.of(), Init.GLOROT_NORMAL, Activation.RELU, 0),
                new ConvNet(List.of(1L, 8L, 8L), List.of(4, 6), Norm.NONE),
                new ConvNet(List.of(1L, 8L, 8L), List.of(4, 6), Norm.BATCH),
                new ConvNet(List.of(1L, 8L, 8L), List.of(4, 6), Norm.LAYER),
                new Mlp(List.of(64L), List.of(6, 4), Init.KAIMING_UNIFORM, Activation.RELU, 0, Norm.LAYER),
                new Mlp(List.of(64L), List.of(6, 4), Init.KAIMING_UNIFORM, Activation.RELU, 0, Norm.GROUP),
                new ConvNet(List.of(3L, 8L, 8L), List.of(4, 4, 4, 4), Norm.GROUP),
                new ResNetSlim(List.of(3L, 8L, 8L), 3, Norm.GROUP),
                new ResNetSlim(List.of(1L, 8L, 8L), 2, Norm.BATCH),
                new VisionTransformer(List.of(1L, 8L, 8L), 4, 8, 2, 2, 2, 0.1));
    }

    private static Tensor rows(Backbone b, ScalarType dtype, int n) {
        long[] s = new long[b.input().size() + 1];
        s[0] = n;
        for (int i = 1; i < s.length; i++) {
            s[i] = b.input().get(i - 1);
        }
        return Rng.of(4).normal(dtype, s);
    }

    private static Classifier build(Backbone b, ScalarType dtype) {
        return b.with(HeadSpec.linear(), ClassIndex.numbered(3)).build(Rng.of(1), dtype);
    }

    private static Tensor loss(Tensor y) {
        return y.mul(Nets.normal(17, y.shape()).to(y.scalar_type())).sum();
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void everyNetRunsInBothTypesAndFromBytes(Backbone b) {
        for (ScalarType dtype : new ScalarType[] {ScalarType.Float, ScalarType.Double}) {
            Classifier net = build(b, dtype);
            Inputs in = Inputs.of(rows(b, dtype, 4));
            Tensor f = net.features(in, Pass.eval());
            assertThat(f.shape()).containsExactly(4, b.features());
            Tensor y = net.scores(in, Pass.eval());
            assertThat(y.shape()).containsExactly(4, 3);
            assertThat(y.scalar_type().intern()).isEqualTo(dtype);
            ParamVector g = Autograd.grad(loss(net.scores(in, Pass.train(Rng.of(2)))), net.parameters(), false);
            for (int i = 0; i < g.size(); i++) {
                assertThat(g.get(i)).as(g.of().meta().get(i).name()).isNotNull();
            }
            assertThat(g.finite()).isTrue();
            Tensor bytes =
                    rows(b, ScalarType.Float, 4).abs().mul(Tensors.scalar(50)).to(ScalarType.Byte);
            Nets.assertSame(
                    net.scores(Inputs.of(bytes), Pass.eval()),
                    net.scores(Inputs.of(Inputs.of(bytes).x().to(dtype)), Pass.eval()));
        }
    }

    /** Nobody asks for the gradient of what enters the first norm: libtorch must not write it to nowhere. */
    @ParameterizedTest
    @MethodSource("backbones")
    void normsAloneHaveTheGradientThatTheyHaveAmongAll(Backbone b) {
        for (ScalarType dtype : new ScalarType[] {ScalarType.Float, ScalarType.Double}) {
            Classifier net = build(b, dtype);
            Inputs in = Inputs.of(rows(b, dtype, 4));
            Parameters all = net.parameters();
            Parameters norms = all.where(m -> m.role() == dev.holdfast.tensor.ParamMeta.Role.NORM);
            ParamVector whole = Autograd.grad(loss(net.scores(in, Pass.eval())), all, false);
            ParamVector alone = Autograd.grad(loss(net.scores(in, Pass.eval())), norms, false);
            for (int i = 0; i < norms.size(); i++) {
                Nets.assertSame(
                        alone.get(i), whole.get(all.indexOf(norms.meta().get(i).name())));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void gradientsAgreeWithCentralDifferences(Backbone b) {
        Classifier net = build(b, ScalarType.Double);
        Tensor x = rows(b, ScalarType.Double, 3);
        Parameters p = net.parameters();
        try (var mode = Autograd.noGrad()) {
            p.add(0.05, p.copy().map((m, t) -> Nets.normal(5, t.shape())));
        }
        // along one random direction, with a step so short that no ReLU is likely to switch
        ParamVector g = Autograd.grad(loss(net.scores(x, Pass.train(Rng.of(2)))), p, false);
        ParamVector v = p.copy().map((m, t) -> Nets.normal(6, t.shape()));
        double h = 1e-8;
        p.add(h, v);
        double up = loss(net.scores(x, Pass.train(Rng.of(2)))).item_double();
        p.add(-2 * h, v);
        double down = loss(net.scores(x, Pass.train(Rng.of(2)))).item_double();
        double along = (up - down) / (2 * h);
        assertThat(g.dot(v)).isCloseTo(along, Offset.offset(1e-5 * (1 + Math.abs(along))));
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void sameSeedSameBitsAndStatesTravel(Backbone b) {
        Classifier one = build(b, ScalarType.Float);
        Classifier two = build(b, ScalarType.Float);
        assertThat(two.state().sameAs(one.state())).isTrue();
        Classifier other = b.with(HeadSpec.linear()).build(Rng.of(99), ScalarType.Float);
        Tensor x = rows(b, ScalarType.Float, 4);
        one.scores(x, Pass.train(Rng.of(1))); // moves running statistics, if there are any
        State saved = one.state().copy();
        other.load(saved);
        assertThat(other.state().sameAs(saved)).isTrue();
        assertThat(other.head().columns()).isEqualTo(ClassIndex.numbered(3));
        Nets.assertSame(other.scores(x, Pass.eval()), one.scores(x, Pass.eval()));
        Model copy = one.copy();
        copy.parameters().add(1, copy.parameters().copy());
        assertThat(one.state().sameAs(saved)).isTrue();
        one.scores(x, Pass.eval());
        assertThat(one.state().sameAs(saved)).as("evaluation changes nothing").isTrue();
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void rowsOfAnotherShapeAreRefused(Backbone b) {
        Classifier net = build(b, ScalarType.Float);
        assertThatThrownBy(() -> net.scores(Inputs.of(Rng.of(1).normal(4, 63)), Pass.eval()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[63]")
                .hasMessageContaining("built for rows of shape");
    }

    @ParameterizedTest
    @MethodSource("backbones")
    void linearAndConvolutionalSitesTakeOtherSources(Backbone b) {
        Classifier net = build(b, ScalarType.Double);
        Tensor x = rows(b, ScalarType.Double, 4);
        Tensor before = net.scores(x, Pass.eval());
        Surgery.start()
                .rule(
                        Surgery.kind(Geometry.Kind.LINEAR).or(Surgery.kind(Geometry.Kind.CONV)),
                        s -> LoraDelta.of(s, 1, 1, Rng.of(3)))
                .apply(net);
        Nets.assertClose(net.scores(x, Pass.eval()), before, 1e-12);
        Surgery.bake(net);
        Surgery.start()
                .rule(
                        Surgery.kind(Geometry.Kind.LINEAR).or(Surgery.kind(Geometry.Kind.CONV)),
                        s -> LowRank.of(s, (int)
                                Math.min(s.geometry().rows(), s.geometry().fanIn())))
                .apply(net);
        Nets.assertClose(net.scores(x, Pass.eval()), before, 1e-10);
    }

    @Test
    void stateOfAnotherNetIsRefusedAndChangesNothing() {
        Classifier net = build(Mlp.of(4, 3), ScalarType.Float);
        State before = net.state().copy();
        assertThatThrownBy(
                        () -> net.load(build(Mlp.of(4, 3, 3), ScalarType.Float).state()))
                .hasMessageContaining("'fc.1")
                .hasMessageContaining("another configuration");
        assertThatThrownBy(() -> net.load(build(Mlp.of(4, 2), ScalarType.Float).state()))
                .hasMessageContaining("'fc.0.weight' is Float [2, 4]")
                .hasMessageContaining("needs Float [3, 4]");
        assertThatThrownBy(() -> net.load(build(Mlp.of(4, 3), ScalarType.Double).state()))
                .hasMessageContaining("Double");
        assertThat(net.state().sameAs(before)).isTrue();
    }

    @Test
    void mlpIsThePlainFormula() {
        Classifier net = build(Mlp.of(6, 5, 4), ScalarType.Double);
        Parameters p = net.parameters();
        assertThat(p.meta())
                .extracting(ParamMeta::name)
                .containsExactly("fc.0.weight", "fc.0.bias", "fc.1.weight", "fc.1.bias", "head.weight", "head.bias");
        assertThat(p.meta().get(0)).isEqualTo(new ParamMeta("fc.0.weight", ParamMeta.Role.HIDDEN, 6, 5, true, 0));
        assertThat(p.meta().get(4)).isEqualTo(new ParamMeta("head.weight", ParamMeta.Role.HEAD, 4, 3, true, 0));
        Tensor x = Nets.normal(1, 3, 6);
        Tensor h = x.matmul(p.get(0).t()).add(p.get(1)).relu();
        h = h.matmul(p.get(2).t()).add(p.get(3)).relu();
        Nets.assertClose(net.scores(x, Pass.eval()), h.matmul(p.get(4).t()).add(p.get(5)), 1e-13);
        Taps taps = Taps.of("body.2", "site:head.in");
        net.scores(x, Pass.eval().withTaps(taps));
        Nets.assertClose(
                taps.get("body.2"), x.matmul(p.get(0).t()).add(p.get(1)).relu(), 1e-13);
        Nets.assertClose(taps.get("site:head.in"), h, 1e-13);
    }

    @Test
    void convNetIsThePlainFormula() {
        Classifier net = build(new ConvNet(List.of(2L, 6L, 6L), List.of(3, 4), Norm.NONE), ScalarType.Double);
        Parameters p = net.parameters();
        Tensor x = Nets.normal(1, 3, 2, 6, 6);
        long[] one = {1, 1};
        Tensor h = x;
        for (int i = 0; i < 2; i++) {
            h = torch.conv2d(h, p.get(2 * i), new TensorOptional(p.get(2 * i + 1)), one, one, one, 1)
                    .relu();
            h = torch.max_pool2d(h, 2, 2);
        }
        h = h.mean(2, 3);
        Nets.assertClose(net.scores(x, Pass.eval()), h.matmul(p.get(4).t()).add(p.get(5)), 1e-13);
    }

    @Test
    void sizesAreThoseOfThePapers() {
        assertThat(ConvNet.of(1, 28, 28).features()).isEqualTo(64);
        assertThat(ConvNet.of(3, 32, 32)
                        .build(Rng.of(1), ScalarType.Float)
                        .parameters()
                        .count())
                .isEqualTo(3 * 9 * 16 + 16 + 16 * 9 * 32 + 32 + 32 * 9 * 64 + 64);
        ResNetSlim r = ResNetSlim.of(3, 32, 32);
        assertThat(r.features()).isEqualTo(160);
        // the reduced ResNet-18 of the literature, without its classifier of 100 classes
        assertThat(r.build(Rng.of(1), ScalarType.Float).parameters().count()).isEqualTo(1_109_240 - (160 * 100 + 100));
        VisionTransformer v = VisionTransformer.of(1, 28, 28, 7);
        assertThat(v.build(Rng.of(1), ScalarType.Float).parameters().count())
                .isEqualTo(4 * (12 * 64 * 64 + 13 * 64) + 49 * 64 + 64 + 64 + 17 * 64 + 128);
    }

    @Test
    void batchAndGroupNormReplaceTheConvolutionsBias() {
        for (Norm n : new Norm[] {Norm.BATCH, Norm.GROUP}) {
            Parameters p = new ConvNet(List.of(1L, 8L, 8L), List.of(20), n)
                    .build(Rng.of(1), ScalarType.Float)
                    .parameters();
            assertThat(p.meta())
                    .extracting(ParamMeta::name)
                    .containsExactly("conv.0.weight", "norm.0.weight", "norm.0.bias");
        }
    }

    @Test
    void promptsReachTheirLayerAndAreRefusedElsewhere() {
        VisionTransformer v = new VisionTransformer(List.of(1L, 8L, 8L), 4, 8, 2, 2, 2, 0);
        Classifier net = build(v, ScalarType.Double);
        Tensor x = rows(v, ScalarType.Double, 3);
        AttentionMemory m = new AttentionMemory(Nets.normal(1, 3, 2, 4, 4), Nets.normal(2, 3, 2, 4, 4));
        Tensor plain = net.scores(x, Pass.eval());
        Taps a = Taps.of("block.0", "block.1", "site:block.1.attn.qkv.in");
        Tensor prompted = net.scores(x, Pass.eval().withTaps(a).withPrefix("block.1.attn", m));
        assertThat(Tensors.bytes(prompted)).isNotEqualTo(Tensors.bytes(plain));
        Taps b = Taps.of("block.0", "block.1", "site:block.1.attn.qkv.in");
        net.scores(x, Pass.eval().withTaps(b));
        Nets.assertSame(a.get("block.0"), b.get("block.0"));
        Nets.assertSame(a.get("site:block.1.attn.qkv.in"), b.get("site:block.1.attn.qkv.in"));
        assertThat(a.get("block.1").shape()).containsExactly(3, 5, 8);
        assertThat(v.attentions()).containsExactly("block.0.attn", "block.1.attn");
        assertThatThrownBy(() -> net.scores(x, Pass.eval().withPrefix("block.2.attn", m)))
                .hasMessageContaining("[block.2.attn]")
                .hasMessageContaining("[block.0.attn, block.1.attn]");
        assertThat(Inventory.of(net).spans())
                .extracting(Span::kind)
                .containsExactly(
                        Span.Kind.SUBLAYER,
                        Span.Kind.SUBLAYER,
                        Span.Kind.LAYER,
                        Span.Kind.SUBLAYER,
                        Span.Kind.SUBLAYER,
                        Span.Kind.LAYER,
                        Span.Kind.STACK);
    }

    @Test
    void theTransformerCanBeDifferentiatedTwice() {
        VisionTransformer v = new VisionTransformer(List.of(1L, 4L, 4L), 2, 4, 1, 2, 2, 0);
        Classifier net = build(v, ScalarType.Double);
        Tensor x = rows(v, ScalarType.Double, 2);
        Parameters p = net.parameters();
        Pass twice = Pass.eval().withDoubleBackward();
        ParamVector d = p.copy().map((m, t) -> Nets.normal(6, t.shape()));
        ParamVector hv =
                Autograd.hvp(net.scores(x, twice).pow(Tensors.scalar(2)).sum(), p, d);
        double h = 1e-6;
        p.add(h, d);
        ParamVector up =
                Autograd.grad(net.scores(x, twice).pow(Tensors.scalar(2)).sum(), p, false);
        p.add(-2 * h, d);
        ParamVector down =
                Autograd.grad(net.scores(x, twice).pow(Tensors.scalar(2)).sum(), p, false);
        Nets.assertClose(hv.flat(), up.plus(-1, down).times(1 / (2 * h)).flat(), 1e-5);
    }

    @Test
    void impossibleConfigurationsAreRefused() {
        assertThatThrownBy(() -> Mlp.of(4, 0)).hasMessageContaining("widths");
        assertThatThrownBy(() -> Mlp.of(0, 3)).hasMessageContaining("sizes >= 1");
        assertThatThrownBy(() -> new Mlp(List.of(3L), List.of(2), Init.GLOROT_NORMAL, Activation.RELU, 1))
                .hasMessageContaining("p < 1");
        assertThatThrownBy(() -> new ConvNet(List.of(784L), List.of(3), Norm.NONE))
                .hasMessageContaining("[784]")
                .hasMessageContaining("Mlp");
        assertThatThrownBy(() -> new ConvNet(List.of(1L, 8L, 8L), List.of(), Norm.NONE))
                .hasMessageContaining("channels");
        assertThatThrownBy(() -> new ResNetSlim(List.of(1L, 8L, 8L), 0, Norm.NONE))
                .hasMessageContaining("nf");
        assertThatThrownBy(() -> VisionTransformer.of(1, 28, 28, 5)).hasMessageContaining("28 x 28");
        assertThatThrownBy(() -> new VisionTransformer(List.of(1L, 8L, 8L), 4, 9, 2, 2, 2, 0))
                .hasMessageContaining("divide dim");
    }
}
