package dev.holdfast.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.loss.LossValue.Reduction;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class LossesTest {
    private static final double[][] Z = {{1, -2, 0.5}, {0.2, 0.1, -3}};
    private static final ClassIndex ABC = ClassIndex.named(List.of("a", "b", "c"));

    private final Tensor scores = Tensors.of(Z);

    @Test
    void crossEntropyIsMinusTheLogProbabilityOfTheClass() {
        double[] l = Tensors.doubles(new CrossEntropy().value(hard(2, 0)).perSample());
        assertThat(l).containsExactly(new double[] {-logSoftmax(Z[0], 2), -logSoftmax(Z[1], 0)}, within(1e-14));
    }

    @Test
    void classesFindTheirColumnsByTheIndex() {
        ClassIndex shuffled = ClassIndex.of(List.of(
                new ClassIndex.Column(7, "seven"),
                new ClassIndex.Column(3, "three"),
                new ClassIndex.Column(5, "five")));
        LossInput in = new LossInput(scores, Target.ClassIds.of(5, 7), Rows.of(0, 1), shuffled);
        assertThat(Tensors.doubles(new CrossEntropy().value(in).perSample()))
                .containsExactly(
                        Tensors.doubles(new CrossEntropy().value(hard(2, 0)).perSample()));
    }

    @Test
    void smoothingMixesWithTheUniformDistribution() {
        double e = 0.1;
        double[] l = Tensors.doubles(
                new CrossEntropy(e, Reduction.MEAN).value(hard(1, 1)).perSample());
        for (int i = 0; i < 2; i++) {
            double expected = 0;
            for (int c = 0; c < 3; c++) {
                expected -= ((c == 1 ? 1 - e : 0) + e / 3) * logSoftmax(Z[i], c);
            }
            assertThat(l[i]).isCloseTo(expected, within(1e-14));
        }
    }

    @Test
    void oneHotSoftTargetsAreHardTargets() {
        for (double e : new double[] {0, 0.2}) {
            CrossEntropy ce = new CrossEntropy(e, Reduction.MEAN);
            Target soft = new Target.Soft(Tensors.of(new double[][] {{0, 0, 1}, {1, 0, 0}}));
            assertThat(Tensors.doubles(ce.value(input(soft)).perSample()))
                    .containsExactly(Tensors.doubles(ce.value(hard(2, 0)).perSample()), within(1e-14));
        }
    }

    @Test
    void maskedColumnsAreAsIfTheyWereNotThere() {
        LossInput masked = hard(2, 0).among(c -> c.classId() != 1);
        double[] l = Tensors.doubles(
                new CrossEntropy(0.1, Reduction.MEAN).value(masked).perSample());
        ClassIndex two = ClassIndex.of(List.of(new ClassIndex.Column(0, "a"), new ClassIndex.Column(2, "c")));
        Tensor narrow = Tensors.of(new double[][] {{Z[0][0], Z[0][2]}, {Z[1][0], Z[1][2]}});
        LossInput alone = new LossInput(narrow, Target.ClassIds.of(2, 0), Rows.of(0, 1), two);
        assertThat(l)
                .containsExactly(Tensors.doubles(
                        new CrossEntropy(0.1, Reduction.MEAN).value(alone).perSample()));
        assertThatThrownBy(() -> new CrossEntropy().value(hard(2, 0).among(c -> c.classId() == 2)))
                .hasMessageContaining("Row 1 has class 0");
        Target soft = new Target.Soft(Tensors.of(new double[][] {{0.5, 0.5, 0}, {0, 1, 0}}));
        assertThatThrownBy(() -> new CrossEntropy().value(input(soft).among(c -> c.classId() != 0)))
                .hasMessageContaining("Row 0")
                .hasMessageContaining("0.5");
        assertThatThrownBy(() -> new CrossEntropy().value(input(soft).among(c -> false)))
                .hasMessageContaining("No score column");
    }

    @Test
    void unknownClassesAreNamedByRowAndId() {
        assertThatThrownBy(() -> new CrossEntropy().value(hard(2, 9)))
                .hasMessageContaining("Row 1")
                .hasMessageContaining("class 9");
        assertThatThrownBy(() -> new CrossEntropy().value(hard(-1, 0)))
                .hasMessageContaining("Row 0")
                .hasMessageContaining("class -1");
        assertThatThrownBy(() -> new CrossEntropy().value(input(new Target.None())))
                .hasMessageContaining("None");
        assertThatThrownBy(() -> hard(0)).hasMessageContaining("2 rows");
    }

    @Test
    void binaryCrossEntropyCountsKnownLabels() {
        double[][] y = {{1, 0, 1}, {0, 0, 1}};
        double[][] known = {{1, 1, 0}, {0, 0, 0}};
        Target t = new Target.MultiLabel(Tensors.of(y), Tensors.of(known));
        double[] sum = Tensors.doubles(
                new BinaryCrossEntropy(false, Reduction.MEAN).value(input(t)).perSample());
        double first = binary(Z[0][0], 1) + binary(Z[0][1], 0);
        assertThat(sum).containsExactly(new double[] {first, 0}, within(1e-14));
        double[] mean = Tensors.doubles(new BinaryCrossEntropy().value(input(t)).perSample());
        assertThat(mean).containsExactly(new double[] {first / 2, 0}, within(1e-14));
        double[] all = Tensors.doubles(
                new BinaryCrossEntropy(false, Reduction.MEAN).value(hard(0, 1)).perSample());
        assertThat(all[1]).isCloseTo(binary(Z[1][0], 0) + binary(Z[1][1], 1) + binary(Z[1][2], 0), within(1e-14));
    }

    @Test
    void squaredErrorSumsOrAverages() {
        Target t = new Target.Values(Tensors.of(new double[][] {{1, 0, 0}, {0.2, 0.1, -3}}));
        double[] sum = Tensors.doubles(
                new SquaredError(false, Reduction.MEAN).value(input(t)).perSample());
        assertThat(sum).containsExactly(new double[] {4.25, 0}, within(1e-14));
        double[] mean = Tensors.doubles(new SquaredError().value(input(t)).perSample());
        assertThat(mean).containsExactly(new double[] {4.25 / 3, 0}, within(1e-14));
        assertThat(
                        Tensors.doubles(new SquaredError(false, Reduction.MEAN)
                                .value(hard(0, 0))
                                .perSample())[0])
                .isCloseTo(4.25, within(1e-14));
    }

    @Test
    void reductionsWeighRows() {
        Tensor l = Tensors.of(new double[] {1, 2, 4, 8}, 4);
        Tensor w = Tensors.of(new double[] {1, 0, 0.5, 0}, 4);
        assertThat(total(l, Reduction.SUM, null)).isEqualTo(15);
        assertThat(total(l, Reduction.MEAN, null)).isEqualTo(3.75);
        assertThat(total(l, Reduction.MEAN_KEPT, null)).isEqualTo(3.75);
        assertThat(total(l, Reduction.SUM, w)).isEqualTo(3);
        assertThat(total(l, Reduction.MEAN, w)).isEqualTo(0.75);
        assertThat(total(l, Reduction.MEAN_KEPT, w)).isEqualTo(1.5);
        assertThat(total(l, Reduction.MEAN_KEPT, w.mul(Tensors.scalar(0)))).isZero();
        Tensor none = Tensors.zeros(ScalarType.Double, 0);
        for (Reduction r : Reduction.values()) {
            assertThat(total(none, r, null)).isZero();
            assertThat(total(none, r, none)).isZero();
        }
        assertThat(new SampleLosses("x", l, Reduction.SUM).parts().get(0).value())
                .isEqualTo(3.75);
    }

    @Test
    void gradientsAgreeWithFiniteDifferences() {
        Tensor leaf = Rng.of(1).normal(ScalarType.Double, 4, 3).set_requires_grad(true);
        Parameters p = new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.HEAD, 3, 4, true, 0)), List.of(leaf));
        Tensor weights = Tensors.of(new double[] {1, 0.5, 0, 2}, 4);
        Target soft = new Target.Soft(Rng.of(2).uniform(ScalarType.Double, 4, 3).softmax(1));
        Target many = new Target.MultiLabel(
                Rng.of(3).uniform(ScalarType.Double, 4, 3).round(),
                Rng.of(4).uniform(ScalarType.Double, 4, 3).round());
        Target values = new Target.Values(Rng.of(5).normal(ScalarType.Double, 4, 3));
        record Case(Loss loss, Target target) {}
        for (Case c : List.of(
                new Case(new CrossEntropy(0.1, Reduction.MEAN_KEPT), Target.ClassIds.of(0, 1, 2, 1)),
                new Case(new CrossEntropy(0.2, Reduction.SUM), soft),
                new Case(new BinaryCrossEntropy(), many),
                new Case(new SquaredError(), values))) {
            ParamVector g = Autograd.grad(value(c.loss, c.target, leaf, weights), p, false);
            double[] exact = Tensors.doubles(g.get(0));
            double[] z = Tensors.doubles(leaf);
            for (int i = 0; i < z.length; i++) {
                double h = 1e-6;
                double[] up = z.clone();
                double[] down = z.clone();
                up[i] += h;
                down[i] -= h;
                double slope =
                        (value(c.loss, c.target, Tensors.of(up, 4, 3), weights).item_double()
                                        - value(c.loss, c.target, Tensors.of(down, 4, 3), weights)
                                                .item_double())
                                / (2 * h);
                assertThat(exact[i]).as(c.loss.toString()).isCloseTo(slope, within(1e-8));
            }
        }
    }

    private static Tensor value(Loss loss, Target t, Tensor z, Tensor weights) {
        return loss.value(new LossInput(z, t, Rows.of(0, 1, 2, 3), ABC)).total(weights);
    }

    private static double total(Tensor l, Reduction r, Tensor w) {
        return new SampleLosses("x", l, r).total(w).item_double();
    }

    private LossInput hard(long... ids) {
        return input(Target.ClassIds.of(ids));
    }

    private LossInput input(Target t) {
        return new LossInput(scores, t, Rows.of(0, 1), ABC);
    }

    private static double logSoftmax(double[] z, int c) {
        double sum = 0;
        for (double v : z) {
            sum += Math.exp(v);
        }
        return z[c] - Math.log(sum);
    }

    private static double binary(double z, double y) {
        double s = 1 / (1 + Math.exp(-z));
        return -y * Math.log(s) - (1 - y) * Math.log(1 - s);
    }
}
