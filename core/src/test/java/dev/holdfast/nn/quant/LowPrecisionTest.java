package dev.holdfast.nn.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.language.CheckpointFolder;
import dev.holdfast.language.ModelConfig;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.nn.weight.Ledger;
import dev.holdfast.nn.weight.LoraDelta;
import dev.holdfast.nn.weight.Surgery;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LowPrecisionTest {
    private static final DecoderConfig SMALL = DecoderConfig.of(20, 16, 2, 2);
    private static final LowPrecision W4A4 = LowPrecision.of(Grid.INT4).withGroups(8, 8);

    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Decoder decoder(ScalarType type) {
        return SMALL.build(Rng.of(3), type);
    }

    private static Tensor ids() {
        return Tensors.of(new long[] {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8}, 2, 6);
    }

    private static Tensor rows(long n) {
        return Nets.normal(4, n, 6);
    }

    private static Layer mlp() {
        return Mlp.of(6, 5, 4).build(Rng.of(1), ScalarType.Double);
    }

    @Test
    void theSevenMapsOfEveryBlockAreRoundedAndNothingElse() {
        Decoder d = decoder(ScalarType.Float);
        Parameters before = d.parameters();
        W4A4.apply(d);
        int rounded = 0;
        for (Site s : Inventory.of(d).sites()) {
            boolean map = s.name().matches("model\\.layers\\.\\d\\.(self_attn\\.[qkvo]|mlp\\.(gate|up|down))_proj");
            assertThat(s.source() instanceof QuantisedWeight).as(s.name()).isEqualTo(map);
            assertThat(s.input() instanceof QuantisedInput).as(s.name()).isEqualTo(map);
            rounded += map ? 1 : 0;
        }
        assertThat(rounded).isEqualTo(14);
        // optimizers go on with the same leaves
        assertThat(d.parameters().tensors()).containsExactly(before.tensors());
        assertThat(d.parameters().meta()).isEqualTo(before.meta());
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FULL")
    void aDecoderLearnsOnEveryGridInBothPrecisions(Grid grid) {
        for (ScalarType type : new ScalarType[] {ScalarType.Float, ScalarType.Double}) {
            Decoder d = decoder(type);
            Tensor exact = d.forward(ids(), Pass.eval());
            LowPrecision.of(grid).withGroups(8, 8).apply(d);
            Tensor y = d.forward(ids(), Pass.eval());
            assertThat(y.scalar_type().intern()).isEqualTo(type);
            double off = y.sub(exact).norm().item_double() / exact.norm().item_double();
            assertThat(off).isBetween(1e-4, grid.bits() < 4 ? 2.0 : 0.5);
            ParamVector g = Autograd.grad(TokenLoss.mean(y, ids()), d.parameters(), false);
            for (int i = 0; i < g.size(); i++) {
                assertThat(Tensors.finite(g.get(i))).isTrue();
                assertThat(g.get(i).norm().item_double()).isPositive();
            }
        }
    }

    /** y = Q(x) Q(W)^T + b, dL/dx = dL/dy Q(W), dL/dW = dL/dy^T Q(x): rank, batch and bias do not matter. */
    @Test
    void gradientsAreThoseOfTheRoundedMap() {
        Layer net = Mlp.of(6, 5).build(Rng.of(1), ScalarType.Double);
        Site s = Inventory.of(net).site("fc.0");
        Tensor w = s.source().toDense();
        W4A4.apply(net);
        Tensor x = Nets.leaf(rows(3));
        Tensor y = s.apply(x, null, Pass.eval());
        Tensor xq = new AbsmaxQuantiser(Grid.INT4, 8, 2).apply(x);
        Tensor wq = new AffineQuantiser(4, 8, true).apply(w);
        Nets.assertClose(y, xq.matmul(wq.t()), 1e-12);
        Tensor up = Nets.normal(8, 3, 5);
        Parameters p = Nets.with(net.parameters().where(m -> m.name().equals("fc.0.weight")), x);
        ParamVector g = Autograd.vjp(y, up, p);
        Nets.assertClose(g.get(0), up.t().matmul(xq), 1e-12);
        Nets.assertClose(g.get(1), up.matmul(wq), 1e-12);
    }

    /** Weights alone, inputs alone, and inputs of more bits. */
    @Test
    void eitherSideCanStayAsItIs() {
        Layer weights = mlp();
        W4A4.withActivations(Grid.FULL).apply(weights);
        Site w = Inventory.of(weights).site("fc.1");
        assertThat(w.input()).isNull();
        assertThat(w.source()).isInstanceOf(QuantisedWeight.class);
        Layer inputs = mlp();
        new LowPrecision(Grid.FULL, Grid.INT8, 8, 8, 0, 0, true, false).apply(inputs);
        Site i = Inventory.of(inputs).site("fc.1");
        assertThat(i.input()).isInstanceOf(QuantisedInput.class);
        assertThat(i.source()).isNotInstanceOf(QuantisedWeight.class);
        // 8 bits are nearer to the truth than 4
        Tensor exact = mlp().forward(rows(20), Pass.eval());
        Layer coarse = mlp();
        new LowPrecision(Grid.FULL, Grid.INT4, 8, 8, 0, 0, true, false).apply(coarse);
        assertThat(inputs.forward(rows(20), Pass.eval()).sub(exact).norm().item_double())
                .isLessThan(
                        coarse.forward(rows(20), Pass.eval()).sub(exact).norm().item_double() / 4);
    }

    @Test
    void removingGivesTheMasterWeightsBack() {
        Layer net = mlp();
        Tensor before = net.forward(rows(3), Pass.eval()).detach();
        Parameters leaves = net.parameters();
        W4A4.apply(net);
        assertThat(net.forward(rows(3), Pass.eval()).equal(before)).isFalse();
        LowPrecision.remove(net);
        Nets.assertSame(net.forward(rows(3), Pass.eval()), before);
        assertThat(net.parameters().tensors()).containsExactly(leaves.tensors());
        // baking instead keeps what was computed with
        W4A4.withActivations(Grid.FULL).apply(net);
        Tensor rounded = net.forward(rows(3), Pass.eval()).detach();
        Surgery.bake(net);
        Nets.assertClose(net.forward(rows(3), Pass.eval()), rounded, 1e-12);
    }

    @Test
    void masterWeightsAreWhatIsSaved() {
        Layer net = mlp();
        State plain = net.state().copy();
        W4A4.apply(net);
        State saved = net.state().copy();
        plain.tensors()
                .forEach((name, t) -> assertThat(saved.tensor(name).equal(t)).isTrue());
        Layer other = Mlp.of(6, 5, 4).build(Rng.of(2), ScalarType.Double);
        W4A4.apply(other);
        other.load(saved);
        Nets.assertSame(other.forward(rows(3), Pass.eval()), net.forward(rows(3), Pass.eval()));
        // not into a network that would compute something else, though the weights are the same
        State untouched = mlp().state();
        Layer exact = mlp();
        assertThatThrownBy(() -> exact.load(saved))
                .hasMessageContaining("INT4 by 8 of dense")
                .hasMessageContaining("surgery");
        assertThat(exact.state().sameAs(untouched)).isTrue();
    }

    @Test
    void aCheckpointHoldsTheMasterWeights(@TempDir Path folder) throws IOException {
        Decoder d = decoder(ScalarType.Float);
        Tensor exact = d.forward(ids(), Pass.eval());
        W4A4.apply(d);
        CheckpointFolder.save(folder, d, ModelConfig.of(SMALL, 1, List.of(2), 0));
        Decoder read = CheckpointFolder.load(folder);
        Nets.assertSame(read.forward(ids(), Pass.eval()), exact);
        W4A4.apply(read);
        Nets.assertSame(read.forward(ids(), Pass.eval()), d.forward(ids(), Pass.eval()));
    }

    @Test
    void aCopyIsRoundedAndSharesNothing() {
        Layer net = mlp();
        W4A4.apply(net);
        Tensor before = net.forward(rows(3), Pass.eval()).detach();
        Layer copy = net.copy(new Copier());
        Nets.assertSame(copy.forward(rows(3), Pass.eval()), before);
        try (var mode = Autograd.noGrad()) {
            copy.parameters().get(0).zero_();
        }
        Nets.assertSame(net.forward(rows(3), Pass.eval()), before);
        // a step is seen at once: nothing is kept from pass to pass
        assertThat(copy.forward(rows(3), Pass.eval()).equal(before)).isFalse();
    }

    @Test
    void inputsAreRoundedAtRandomOnlyWhileTraining() {
        Layer net = mlp();
        W4A4.withStochasticRounding().apply(net);
        Layer nearest = mlp();
        W4A4.apply(nearest);
        Tensor x = rows(8);
        Nets.assertSame(net.forward(x, Pass.eval()), nearest.forward(x, Pass.eval()));
        Tensor a = net.forward(x, Pass.train(Rng.of(5)));
        Nets.assertSame(net.forward(x, Pass.train(Rng.of(5))), a);
        assertThat(net.forward(x, Pass.train(Rng.of(6))).equal(a)).isFalse();
    }

    @Test
    void theLedgerKeepsTheMasterWeights() {
        Layer net = mlp();
        Ledger before = Ledger.of(net);
        Ledger after = W4A4.apply(net);
        assertThat(after.total().trainable()).isEqualTo(before.total().trainable());
        assertThat(after.total().stored()).isEqualTo(before.total().stored());
        assertThat(after.total().transientNumbers()).isEqualTo(6 * 5 + 5 * 4);
    }

    /** The master weight takes a dense weight over exactly; the error told is that of the rounded one. */
    @Test
    void aWeightIsTakenOverAsWellAsTheGridCan() {
        Layer net = mlp();
        W4A4.apply(net);
        WeightSource s = Inventory.of(net).site("fc.0").source();
        Tensor w = Nets.normal(5, 5, 6);
        double error = s.initFrom(w);
        assertThat(error).isBetween(0.01, 0.2);
        assertThat(((QuantisedWeight) s).master().toDense().equal(w)).isTrue();
        assertThat(s.toDense().equal(new AffineQuantiser(4, 8, true).apply(w))).isTrue();
    }

    /** Groups do not reach from one row's weight into the next where rows have weights of their own. */
    @Test
    void aWeightForEveryRowIsRoundedByItself() {
        Layer net = Mlp.of(6, 5).build(Rng.of(1), ScalarType.Double);
        Site s = Inventory.of(net).site("fc.0");
        Tensor both = Nets.normal(6, 2, 5, 6);
        s.source(new ByRow(s.source(), both));
        AffineQuantiser q = new AffineQuantiser(4, 7, true);
        QuantisedWeight rounded = QuantisedWeight.of(s, q);
        Tensor w = rounded.materialise(Pass.eval());
        Nets.assertSame(w.select(0, 0), q.apply(both.select(0, 0)));
        Nets.assertSame(w.select(0, 1), q.apply(both.select(0, 1)));
    }

    @Test
    void lowRankAdaptersGoOnTopOfARoundedBase() {
        Layer net = mlp();
        W4A4.apply(net);
        Tensor before = net.forward(rows(3), Pass.eval()).detach();
        Surgery.start()
                .rule(Surgery.named("fc.0"), s -> LoraDelta.of(s, 2, 4, Rng.of(1)))
                .apply(net);
        Nets.assertClose(net.forward(rows(3), Pass.eval()), before, 1e-12);
        assertThat(net.parameters().meta().stream().map(m -> m.name())).doesNotContain("fc.0.weight");
    }

    @Test
    void badSettingsAreRefused() {
        assertThatThrownBy(() -> W4A4.withGroups(0, 8)).hasMessageContaining("at least 1");
        assertThatThrownBy(() -> W4A4.withGroups(8, 0)).hasMessageContaining("at least 1");
        assertThatThrownBy(() -> W4A4.withOutliers(8)).hasMessageContaining("are 8");
        assertThatThrownBy(() -> new LowPrecision(Grid.INT4, Grid.INT4, 8, 8, 1, 2, true, false))
                .hasMessageContaining("FP4 grids only");
        assertThatThrownBy(() -> new LowPrecision(Grid.FP4_E2M1, Grid.INT4, 8, 8, 8, 2, true, false))
                .hasMessageContaining("are 8");
    }

    @Test
    void sitesThatDoNotFitAreRefusedAndNothingChanges() {
        Layer net = mlp();
        Tensor before = net.forward(rows(3), Pass.eval()).detach();
        assertThatThrownBy(() -> W4A4.apply(net, Surgery.named("nothing")))
                .hasMessageContaining("no linear map")
                .hasMessageContaining("fc.0 (LINEAR, HIDDEN)");
        assertThatThrownBy(() -> W4A4.apply(net, s -> true)).hasMessageContaining("fc.0.bias' is no linear map");
        assertThatThrownBy(() -> W4A4.apply(net, Surgery.kind(Geometry.Kind.EMBEDDING)))
                .hasMessageContaining("no linear map");
        Nets.assertSame(net.forward(rows(3), Pass.eval()), before);
        W4A4.apply(net, Surgery.named("fc.0"));
        assertThatThrownBy(() -> W4A4.apply(net))
                .hasMessageContaining("fc.0")
                .hasMessageContaining("already")
                .hasMessageContaining("remove");
        assertThat(Inventory.of(net).site("fc.1").input()).isNull();
        // an input that something else changes is not taken over either
        Layer noisy = mlp();
        Inventory.of(noisy).site("fc.1").input((x, pass) -> x);
        assertThatThrownBy(() -> W4A4.apply(noisy)).hasMessageContaining("fc.1");
        assertThat(Inventory.of(noisy).site("fc.0").input()).isNull();
        LowPrecision.remove(noisy);
        assertThat(Inventory.of(noisy).site("fc.1").input()).isNotNull();
    }
}
