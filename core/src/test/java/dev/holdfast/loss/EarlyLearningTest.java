package dev.holdfast.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.SampleTable.Duplicates;
import dev.holdfast.loss.SampleTable.Precision;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class EarlyLearningTest {
    private static final int CLASSES = 4;
    private static final long[] IDS = {5, 2, 9};
    private static final Target Y = Target.ClassIds.of(3, 0, 1);

    private static EarlyLearning loss(double beta, double lambda) {
        return loss(beta, lambda, false, true);
    }

    private static EarlyLearning loss(double beta, double lambda, boolean sharpen, boolean clamp) {
        return new EarlyLearning(
                new EarlyLearning.Config(beta, lambda, 0, sharpen, clamp, Precision.FLOAT64, Duplicates.REFUSE));
    }

    private static Tensor scores(long seed) {
        Tensor z = Rng.of(seed).normal(ScalarType.Double, IDS.length, CLASSES);
        z.set_requires_grad(true);
        return z;
    }

    private static LossInput input(Tensor z, Target y) {
        return new LossInput(z, y, Rows.of(IDS), ClassIndex.numbered((int) z.size(1)));
    }

    private static double[][] gradient(LossValue value, Tensor z) {
        return Tensors.rows(
                Autograd.grad(value.total(null), ElrGoldenTest.leaves(z), false).get(0));
    }

    private static double[][] softmax(Tensor z) {
        return Tensors.rows(z.detach().softmax(1));
    }

    @Test
    void withLambdaZeroItIsCrossEntropyAndStillKeepsTargets() {
        EarlyLearning elr = loss(0.7, 0);
        for (int visit = 0; visit < 3; visit++) {
            Tensor z = scores(visit);
            elr.observe(input(z, Y));
            LossValue ours = elr.value(input(z, Y));
            LossValue plain = new CrossEntropy().value(input(z, Y));
            assertThat(Tensors.item(ours.total(null))).isCloseTo(Tensors.item(plain.total(null)), within(1e-12));
            double[][] a = gradient(ours, z);
            double[][] b = gradient(plain, z);
            for (int i = 0; i < a.length; i++) {
                assertThat(a[i]).containsExactly(b[i], within(1e-12));
            }
        }
        assertThat(elr.targets().size()).isEqualTo(3);
        assertThat(elr.targets().ids()).containsExactly(IDS);
    }

    @Test
    void targetsSumToOneMinusBetaToTheVisits() {
        EarlyLearning elr = loss(0.7, 3);
        for (int k = 1; k <= 5; k++) {
            elr.observe(input(scores(k), Y));
            double[] sums = Tensors.doubles(elr.targets().rows().sum(1));
            assertThat(sums).containsOnly(new double[] {1 - Math.pow(0.7, k)}, within(1e-9));
        }
    }

    @Test
    void withBetaZeroTheTargetIsThePresentPrediction() {
        EarlyLearning elr = loss(0, 1);
        Tensor z = scores(4);
        elr.observe(input(scores(3), Y));
        elr.observe(input(z, Y));
        double[][] p = softmax(z);
        double[][] t = Tensors.rows(elr.targets().read(IDS, z));
        double[][] both = gradient(elr.value(input(z, Y)), z);
        double[][] ce = gradient(new CrossEntropy().value(input(z, Y)), z);
        for (int i = 0; i < p.length; i++) {
            assertThat(t[i]).containsExactly(p[i], within(1e-12));
            double square = 0;
            for (double v : p[i]) {
                square += v * v;
            }
            for (int c = 0; c < CLASSES; c++) {
                double expected = p[i][c] * (square - p[i][c]) / (1 - square) / p.length;
                assertThat(both[i][c] - ce[i][c]).isCloseTo(expected, within(1e-10));
            }
        }
    }

    @Test
    void theGradientOfTheRegulariserIsTheClosedForm() {
        EarlyLearning elr = loss(0.7, 3);
        Tensor z = scores(7);
        for (int visit = 0; visit < 3; visit++) {
            elr.observe(input(scores(10 + visit), Y));
        }
        double[][] p = softmax(z);
        double[][] t = Tensors.rows(elr.targets().read(IDS, z));
        double[][] both = gradient(elr.value(input(z, Y)), z);
        double[][] ce = gradient(new CrossEntropy().value(input(z, Y)), z);
        for (int i = 0; i < p.length; i++) {
            double dot = 0;
            for (int c = 0; c < CLASSES; c++) {
                dot += t[i][c] * p[i][c];
            }
            for (int c = 0; c < CLASSES; c++) {
                double expected = 3 * p[i][c] * (dot - t[i][c]) / (1 - dot) / p.length;
                assertThat(both[i][c] - ce[i][c]).isCloseTo(expected, within(1e-10));
            }
        }
    }

    @Test
    void theClampIsOnProbabilitiesAndStopsTheirGradientOnly() {
        EarlyLearning elr = loss(0.5, 2);
        Tensor z = Tensors.of(new double[][] {{30, 0, -5, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
        z.set_requires_grad(true);
        elr.observe(input(z, Y));
        LossValue v = elr.value(input(z, Y));
        // the label of row 0 is class 3: its cross entropy is not clamped, its regulariser has no gradient
        assertThat(Tensors.doubles(v.perSample())[0]).isGreaterThan(20).isFinite();
        double[][] ce = gradient(new CrossEntropy().value(input(z, Y)), z);
        assertThat(gradient(v, z)[0]).containsExactly(ce[0], within(1e-12));
        double[] row = Tensors.rows(elr.targets().rows())[0];
        double kept = 1 - 1e-4;
        assertThat(row[0]).isCloseTo(0.5 * kept / (kept + 3e-4), within(1e-12));
        assertThat(row[1]).isCloseTo(0.5 * 1e-4 / (kept + 3e-4), within(1e-12));
        EarlyLearning unclamped = loss(0.5, 2, false, false);
        unclamped.observe(input(z, Y));
        assertThat(Tensors.rows(unclamped.targets().rows())[0][1]).isLessThan(1e-12);
    }

    @Test
    void evaluationAndValueChangeNothing() {
        EarlyLearning elr = loss(0.7, 3);
        elr.observe(input(scores(1), Y));
        State before = elr.state().copy();
        LossInput in = input(scores(2), Y);
        elr.value(in);
        elr.observe(new LossInput(in.scores(), Y, in.rows(), in.columns(), Map.of(), false));
        assertThat(elr.state().sameAs(before)).isTrue();
    }

    @Test
    void samplesThatWereNeverObservedHaveNoRegulariser() {
        EarlyLearning elr = loss(0.7, 3);
        LossInput in = input(scores(2), Y);
        assertThat(Tensors.doubles(elr.value(in).perSample()))
                .containsExactly(Tensors.doubles(new CrossEntropy().value(in).perSample()), within(1e-14));
        assertThat(elr.targets()).isNull();
    }

    @Test
    void targetsAreMixedAsTheRowsAre() {
        EarlyLearning elr = loss(0.7, 3);
        Tensor z = scores(3);
        elr.observe(input(z, Y));
        double[][] t = Tensors.rows(elr.targets().read(IDS, z));
        Rows mixed =
                new Rows(IDS, null, new Rows.Mix(Tensors.of(new double[] {0.8, 0.6, 1}, 3), new int[] {2, 0, 1}), 0, 0);
        double[][] q = Tensors.rows(elr.target(new LossInput(z, Y, mixed, ClassIndex.numbered(CLASSES))));
        for (int c = 0; c < CLASSES; c++) {
            assertThat(q[0][c]).isCloseTo(0.8 * t[0][c] + 0.2 * t[2][c], within(1e-14));
            assertThat(q[1][c]).isCloseTo(0.6 * t[1][c] + 0.4 * t[0][c], within(1e-14));
            assertThat(q[2][c]).isEqualTo(t[2][c]);
        }
    }

    @Test
    void aLabelThatTheTargetGivesNothingStaysAsItIsWhenSharpened() {
        EarlyLearning elr = loss(0.7, 3, true, true);
        double[][] y = Tensors.rows(((Target.Soft) elr.labels(input(scores(1), Y))).p());
        assertThat(y[0]).containsExactly(0, 0, 0, 1);
        elr.observe(input(scores(1), new Target.Soft(Tensors.of(new double[3][CLASSES]))));
        Target soft = new Target.Soft(Tensors.of(new double[][] {{0.5, 0.5, 0, 0}, {0, 1, 0, 0}, {0, 0, 0.3, 0.7}}));
        double[][] t = Tensors.rows(elr.targets().rows());
        double[][] sharp = Tensors.rows(((Target.Soft) elr.labels(input(scores(1), soft))).p());
        assertThat(sharp[0][0]).isCloseTo(t[0][0] / (t[0][0] + t[0][1]), within(1e-12));
        assertThat(sharp[1]).containsExactly(new double[] {0, 1, 0, 0}, within(1e-12));
        assertThat(sharp[2][2] + sharp[2][3]).isCloseTo(1, within(1e-12));
    }

    @Test
    void columnsThatTakeNoPartGetNoShare() {
        EarlyLearning elr = loss(0.5, 2);
        LossInput in = input(scores(3), Target.ClassIds.of(3, 0, 0)).among(c -> c.classId() != 1);
        elr.observe(in);
        double[][] t = Tensors.rows(elr.targets().rows());
        assertThat(t[0][1]).isZero();
        assertThat(t[0][0] + t[0][2] + t[0][3]).isCloseTo(0.5, within(1e-12));
        EarlyLearning alone = loss(0.5, 2);
        Tensor narrow = in.scores().detach().index_select(1, Tensors.ids(0, 2, 3));
        LossInput same = input(narrow, Target.ClassIds.of(2, 0, 0));
        alone.observe(same);
        assertThat(Tensors.doubles(elr.value(in).perSample()))
                .containsExactly(Tensors.doubles(alone.value(same).perSample()), within(1e-12));
    }

    @Test
    void newColumnsWidenTheTargets() {
        EarlyLearning elr = loss(0.5, 2);
        elr.observe(input(scores(3), Y));
        Tensor wide = Rng.of(1).normal(ScalarType.Double, 3, CLASSES + 2);
        // also before the wider scores were observed
        assertThat(Tensors.rows(elr.target(input(wide, Y)))[0]).hasSize(CLASSES + 2);
        elr.observe(input(wide, Y));
        assertThat(elr.targets().width()).isEqualTo(CLASSES + 2);
        assertThatThrownBy(() -> elr.value(input(scores(3), Y)))
                .hasMessageContaining("4")
                .hasMessageContaining("6");
    }

    @Test
    void theWeightRisesWithTheSteps() {
        EarlyLearning ramped = new EarlyLearning(
                new EarlyLearning.Config(0, 3, 10, false, true, Precision.FLOAT64, Duplicates.REFUSE));
        Tensor z = scores(5);
        LossInput in = input(z, Y);
        double[] ce = Tensors.doubles(new CrossEntropy().value(in).perSample());
        for (int step = 1; step <= 12; step++) {
            ramped.observe(in);
            double left = 1 - Math.min(step, 10) / 10.0;
            double full = Tensors.doubles(ramped.value(in, 10).perSample())[0] - ce[0];
            double now = Tensors.doubles(ramped.value(in).perSample())[0] - ce[0];
            assertThat(now / full).isCloseTo(Math.exp(-5 * left * left), within(1e-12));
        }
    }

    @Test
    void itResumesToTheBit() {
        EarlyLearning a = loss(0.7, 3);
        a.observe(input(scores(1), Y));
        EarlyLearning b = loss(0.7, 3);
        b.load(a.state());
        for (EarlyLearning l : new EarlyLearning[] {a, b}) {
            l.observe(input(scores(2), Y));
        }
        assertThat(a.state().sameAs(b.state())).isTrue();
        b.load(loss(0.7, 3).state());
        assertThat(b.targets()).isNull();
        assertThatThrownBy(() -> b.load(new State().put("step", 3))).hasMessageContaining("no running targets");
    }

    @Test
    void smallerPrecisionsStayClose() {
        for (Precision p : new Precision[] {Precision.FLOAT16, Precision.FLOAT32}) {
            EarlyLearning coarse =
                    new EarlyLearning(new EarlyLearning.Config(0.7, 3, 0, false, true, p, Duplicates.REFUSE));
            EarlyLearning fine = loss(0.7, 3);
            for (int k = 0; k < 4; k++) {
                coarse.observe(input(scores(k), Y));
                fine.observe(input(scores(k), Y));
            }
            double eps = p == Precision.FLOAT16 ? 1e-3 : 1e-6;
            assertThat(Tensors.doubles(coarse.targets().rows()))
                    .containsExactly(Tensors.doubles(fine.targets().rows()), within(eps));
        }
    }

    @Test
    void badInputIsRefusedAndChangesNothing() {
        EarlyLearning elr = loss(0.7, 3);
        elr.observe(input(scores(1), Y));
        State before = elr.state().copy();
        ClassIndex columns = ClassIndex.numbered(CLASSES);
        assertThatThrownBy(() -> elr.observe(new LossInput(scores(1), Y, Rows.of(1, -1, 2), columns)))
                .hasMessageContaining("Row 1 has sample id -1");
        assertThatThrownBy(() -> elr.observe(new LossInput(scores(1), Y, Rows.of(1, 3, 3), columns)))
                .hasMessageContaining("sample 3");
        assertThatThrownBy(() -> elr.requireFits(Rows.of(1, 3, 3))).hasMessageContaining("sample 3");
        assertThatThrownBy(() -> elr.observe(input(scores(1).mul(Tensors.scalar(Double.NaN)), Y)))
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> elr.value(input(scores(1), Target.ClassIds.of(3, 0, 9))))
                .hasMessageContaining("class 9");
        assertThatThrownBy(() -> elr.value(input(scores(1), new Target.None()))).hasMessageContaining("None");
        assertThat(elr.state().sameAs(before)).isTrue();
        assertThatThrownBy(() -> new EarlyLearning.Config(1, 3))
                .hasMessageContaining("beta")
                .hasMessageContaining("1");
        assertThatThrownBy(() -> new EarlyLearning.Config(-0.1, 3)).hasMessageContaining("-0.1");
        assertThatThrownBy(() -> new EarlyLearning.Config(0.7, -3)).hasMessageContaining("lambda");
        assertThatThrownBy(
                        () -> new EarlyLearning.Config(0.7, 3, -1, false, true, Precision.FLOAT32, Duplicates.REFUSE))
                .hasMessageContaining("rampSteps");
    }

    /** One class: the prediction is certain, and clamped below certainty. */
    @Test
    void oneClassIsFinite() {
        EarlyLearning elr = new EarlyLearning.Config(0.9, 3).build(Schema.vectors(1, ClassIndex.numbered(1)));
        Tensor z = Tensors.of(new double[][] {{2}, {-1}, {0}});
        LossInput in = input(z, Target.ClassIds.of(0, 0, 0));
        for (int k = 0; k < 300; k++) {
            elr.observe(in);
        }
        assertThat(Tensors.finite(elr.value(in).perSample())).isTrue();
    }
}
