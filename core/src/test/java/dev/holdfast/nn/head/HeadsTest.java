package dev.holdfast.nn.head;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.ClassIndex.Column;
import dev.holdfast.data.Prediction;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.weight.LowRank;
import dev.holdfast.nn.weight.Partial;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HeadsTest {
    private static final int D = 4;
    private static final List<Column> MORE = List.of(new Column(7, "seven", 0, 1), new Column(5, "fi\"ve", 1, 2));
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    static Stream<HeadSpec> specs() {
        return Stream.of(
                HeadSpec.linear(),
                HeadSpec.binary(),
                new LinearHead.Spec(LinearHead.Use.SOFTMAX, false, Init.GLOROT_NORMAL),
                HeadSpec.cosine(),
                new CosineHead.Spec(16, false),
                HeadSpec.nearestMean(),
                new PrototypeHead.Spec(false));
    }

    private static Head build(HeadSpec spec, int columns) {
        Head h = spec.build("head", D, ClassIndex.numbered(columns), Rng.of(1), ScalarType.Double);
        fill(h, 0);
        return h;
    }

    private static void fill(Head h, int from) {
        if (h instanceof PrototypeHead p) {
            for (int c = from; c < h.columns().size(); c++) {
                p.update(Nets.normal(30 + c, 2, D), c, c);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("specs")
    void growthKeepsOldColumnsBitForBit(HeadSpec spec) {
        Head h = build(spec, 3);
        Tensor x = Nets.normal(2, 5, D);
        Tensor before = h.forward(x, Pass.eval());
        Parameters old = h.parameters();
        List<Resized> grown = h.grow(MORE, Rng.of(9));
        fill(h, 3);
        Tensor after = h.forward(x, Pass.eval());
        assertThat(after.shape()).containsExactly(5, 5);
        // the rows are kept to the bit; a wider product may round its sums in another order
        Nets.assertClose(Tensors.slice(after, 1, 0, 3), before, 1e-15);
        assertThat(h.columns().columns())
                .startsWith(ClassIndex.numbered(3).columns().toArray(new Column[0]));
        assertThat(h.columns().columns().subList(3, 5)).isEqualTo(MORE);
        for (Resized r : grown) {
            Nets.assertSame(Tensors.slice(r.after(), 0, 3), r.before());
            assertThat(old.tensors()).contains(r.before());
            assertThat(h.parameters().tensors()).contains(r.after()).doesNotContain(r.before());
            assertThat(r.after().requires_grad()).isTrue();
        }
        long moved = h.parameters().meta().stream()
                .filter(m -> !m.name().equals("head.scale"))
                .count();
        assertThat(grown).hasSize((int) moved);
        assertThat(h.grow(List.of(), Rng.of(9))).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("specs")
    void aClassThatIsThereAlreadyIsRefusedAndNothingGrows(HeadSpec spec) {
        Head h = build(spec, 3);
        State before = h.state().copy();
        assertThatThrownBy(() -> h.grow(List.of(new Column(9, "9"), new Column(1, "1")), Rng.of(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Class 1");
        assertThat(h.state().sameAs(before)).isTrue();
    }

    @ParameterizedTest
    @MethodSource("specs")
    void loadingGrowsOrShrinksToTheSavedColumns(HeadSpec spec) {
        Head big = build(spec, 3);
        big.grow(MORE, Rng.of(9));
        fill(big, 3);
        Tensor x = Nets.normal(2, 5, D);
        for (int columns : new int[] {0, 3, 5, 8}) {
            Head h = build(spec, columns);
            h.load(big.state());
            assertThat(h.columns()).isEqualTo(big.columns());
            assertThat(h.state().sameAs(big.state())).isTrue();
            Nets.assertSame(h.forward(x, Pass.eval()), big.forward(x, Pass.eval()));
        }
        Head other = spec.build("head", D + 1, ClassIndex.numbered(2), Rng.of(1), ScalarType.Double);
        State before = other.state().copy();
        assertThatThrownBy(() -> other.load(big.state()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[5, 4]")
                .hasMessageContaining("[5, 5]");
        assertThat(other.state().sameAs(before)).isTrue();
        State torn = new State().put("head.columns", "[{]");
        big.state().tensors().forEach(torn::put);
        assertThatThrownBy(() -> other.load(torn)).hasMessageContaining("no list of columns");
    }

    @ParameterizedTest
    @MethodSource("specs")
    void gradientsAgreeWithCentralDifferences(HeadSpec spec) {
        Head h = build(spec, 3);
        Tensor x = Nets.leaf(Nets.normal(2, 5, D));
        Nets.checkGradients(
                Nets.with(h.parameters(), x),
                () -> h.forward(x, Pass.eval()).mul(Nets.normal(3, 5, 3)).sum());
    }

    @ParameterizedTest
    @MethodSource("specs")
    void anEmptyHeadScoresNothingAndFloatWorks(HeadSpec spec) {
        Head h = spec.build("head", D, ClassIndex.EMPTY, Rng.of(1), ScalarType.Float);
        Tensor x = Rng.of(2).normal(5, D);
        assertThat(h.forward(x, Pass.eval()).shape()).containsExactly(5, 0);
        h.grow(MORE, Rng.of(3));
        Tensor y = h.forward(x, Pass.eval());
        assertThat(y.shape()).containsExactly(5, 2);
        assertThat(y.scalar_type().intern()).isEqualTo(ScalarType.Float);
    }

    @ParameterizedTest
    @MethodSource("specs")
    void copiesShareNothing(HeadSpec spec) {
        Head h = build(spec, 3);
        State before = h.state().copy();
        Head c = h.copy(new Copier());
        c.grow(MORE, Rng.of(9));
        fill(c, 0);
        c.parameters().add(1, c.parameters().copy());
        assertThat(h.state().sameAs(before)).isTrue();
    }

    @Test
    void linearByHand() {
        Head h = build(HeadSpec.linear(), 2);
        try (var mode = Autograd.noGrad()) {
            h.parameters().get("head.weight").copy_(Tensors.of(new double[] {1, 0, 0, 0, 0, 2, 0, 0}, 2, 4));
            h.parameters().get("head.bias").copy_(Tensors.of(new double[] {0.5, -1}, 2));
        }
        assertThat(Tensors.doubles(h.forward(Tensors.of(new double[] {3, 4, 5, 6}, 1, 4), Pass.eval())))
                .containsExactly(3.5, 7);
        assertThat(h.kind()).isEqualTo(Prediction.Kind.LOGITS);
        assertThat(build(HeadSpec.binary(), 2).kind()).isEqualTo(Prediction.Kind.SIGMOID_LOGITS);
    }

    @Test
    void grownRowsAreFreshAndDifferEachTime() {
        Head h = build(HeadSpec.linear(), 2);
        Rng rng = Rng.of(5);
        h.grow(List.of(new Column(2, "2")), rng);
        h.grow(List.of(new Column(3, "3")), rng);
        double[][] w = Tensors.rows(h.parameters().get("head.weight").detach());
        assertThat(w[2]).isNotEqualTo(w[3]);
        for (double[] row : w) {
            for (double v : row) {
                assertThat(Math.abs(v)).isBetween(1e-6, 0.5); // 1/sqrt(4)
            }
        }
    }

    @Test
    void cosineByHand() {
        Head h = build(new CosineHead.Spec(2, false), 2);
        try (var mode = Autograd.noGrad()) {
            h.parameters().get("head.weight").copy_(Tensors.of(new double[] {5, 0, 0, 0, 1, 1, 1, 1}, 2, 4));
        }
        assertThat(Tensors.doubles(h.forward(Tensors.of(new double[] {3, 4, 0, 0, 0, 0, 0, 0}, 2, 4), Pass.eval())))
                .containsExactly(1.2, 1.4, 0, 0);
        assertThatThrownBy(() -> new CosineHead.Spec(0, true)).hasMessageContaining("scale");
        // the fixed factor is part of the state
        Head other = build(new CosineHead.Spec(3, false), 2);
        other.load(h.state());
        Tensor x = Nets.normal(4, 3, 4);
        Nets.assertSame(other.forward(x, Pass.eval()), h.forward(x, Pass.eval()));
    }

    @Test
    void nearestMeanByHandWhateverTheOrder() {
        PrototypeHead h =
                new PrototypeHead.Spec(false).build("head", 2, ClassIndex.numbered(3), Rng.of(1), ScalarType.Double);
        h.update(Tensors.of(new double[] {0, 0, 2, 0, 10, 10}, 3, 2), 0, 0, 1);
        assertThat(Tensors.doubles(h.means())).containsExactly(1, 0, 10, 10, 0, 0);
        double[] y = Tensors.doubles(h.forward(Tensors.of(new double[] {1, 2}, 1, 2), Pass.eval()));
        assertThat(y).containsExactly(-4, -145, Double.NEGATIVE_INFINITY);
        State before = h.state().copy();
        Tensor bad = Tensors.of(new double[] {0, Double.NaN}, 1, 2);
        assertThatThrownBy(() -> h.update(bad, 0)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> h.update(Tensors.of(new double[] {0, 1}, 1, 2), 3))
                .hasMessageContaining("column 3")
                .hasMessageContaining("has 3");
        assertThatThrownBy(() -> h.update(Tensors.of(new double[] {0, 1}, 1, 2), 0, 1))
                .hasMessageContaining("[1, 2]");
        assertThat(h.state().sameAs(before)).isTrue();
        h.reset();
        assertThat(Tensors.doubles(h.means())).containsOnly(0);
    }

    @Test
    void aHeadWhoseWeightIsNotDenseDoesNotGrow() {
        Head h = build(HeadSpec.linear(), 3);
        var site = Inventory.of(h).site("head");
        site.source(LowRank.of(site, 2));
        State before = h.state().copy();
        assertThatThrownBy(() -> h.grow(MORE, Rng.of(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("low-rank")
                .hasMessageContaining("bake");
        assertThat(h.state().sameAs(before)).isTrue();
    }

    @Test
    void weightAndBiasGrowTogetherOrNotAtAll() {
        Head h = build(HeadSpec.linear(), 3);
        var bias = Inventory.of(h).site("head.bias");
        bias.source(Partial.of(bias, Tensors.of(new double[] {1, 0, 1}, 3)));
        State before = h.state().copy();
        assertThatThrownBy(() -> h.grow(MORE, Rng.of(1))).hasMessageContaining("'head.bias'");
        assertThat(h.state().sameAs(before)).isTrue();
    }
}
