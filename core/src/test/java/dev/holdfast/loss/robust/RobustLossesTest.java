package dev.holdfast.loss.robust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class RobustLossesTest {
    private static final double[][] Z = {{1, -2, 0.5}, {0.2, 0.1, -3}};
    private static final ClassIndex ABC = ClassIndex.named(List.of("a", "b", "c"));

    private static LossInput input(double[][] z, Target y) {
        Tensor scores = Tensors.of(z);
        scores.set_requires_grad(true);
        return new LossInput(scores, y, Rows.of(0, 1), ABC);
    }

    private static double[] each(Loss l, LossInput in) {
        return Tensors.doubles(l.value(in).perSample());
    }

    private static double p(int row, int c) {
        double sum = 0;
        for (double z : Z[row]) {
            sum += Math.exp(z);
        }
        return Math.exp(Z[row][c]) / sum;
    }

    @Test
    void generalisedCrossEntropyIsItsFormula() {
        double[] l = each(new GeneralisedCe(0.7), input(Z, Target.ClassIds.of(2, 0)));
        assertThat(l)
                .containsExactly(
                        new double[] {(1 - Math.pow(p(0, 2), 0.7)) / 0.7, (1 - Math.pow(p(1, 0), 0.7)) / 0.7},
                        within(1e-14));
    }

    @Test
    void itGoesFromCrossEntropyToAbsoluteError() {
        LossInput in = input(Z, Target.ClassIds.of(2, 0));
        assertThat(each(new GeneralisedCe(1e-9), in)).containsExactly(each(new CrossEntropy(), in), within(1e-7));
        assertThat(each(new GeneralisedCe(1), in))
                .containsExactly(new double[] {1 - p(0, 2), 1 - p(1, 0)}, within(1e-14));
    }

    @Test
    void softTargetsWeighTheClasses() {
        Target soft = new Target.Soft(Tensors.of(new double[][] {{0.2, 0.3, 0.5}, {1, 0, 0}}));
        GeneralisedCe gce = new GeneralisedCe(0.5);
        ForwardCorrected forward = new ForwardCorrected(ABC, T);
        for (Loss l : List.of(gce, forward)) {
            double a = each(l, input(Z, Target.ClassIds.of(0, 0)))[0];
            double b = each(l, input(Z, Target.ClassIds.of(1, 0)))[0];
            double c = each(l, input(Z, Target.ClassIds.of(2, 0)))[0];
            double[] mixed = each(l, input(Z, soft));
            assertThat(mixed[0]).isCloseTo(0.2 * a + 0.3 * b + 0.5 * c, within(1e-13));
            assertThat(mixed[1]).isCloseTo(each(l, input(Z, Target.ClassIds.of(0, 0)))[1], within(1e-14));
        }
    }

    private static final double[][] T = {{0.8, 0.2, 0}, {0, 0.9, 0.1}, {0.3, 0, 0.7}};

    @Test
    void forwardCorrectionIsCrossEntropyOfNoisyProbabilities() {
        double[] l = each(new ForwardCorrected(ABC, T), input(Z, Target.ClassIds.of(2, 0)));
        assertThat(l)
                .containsExactly(
                        new double[] {-Math.log(p(0, 1) * 0.1 + p(0, 2) * 0.7), -Math.log(p(1, 0) * 0.8 + p(1, 2) * 0.3)
                        },
                        within(1e-14));
    }

    @Test
    void withoutNoiseItIsCrossEntropyAndSoIsTheEmptyMatrix() {
        LossInput in = input(Z, Target.ClassIds.of(2, 0));
        double[] ce = each(new CrossEntropy(), in);
        assertThat(each(new ForwardCorrected.Config().build(Schema.vectors(1, ABC)), in))
                .containsExactly(ce, within(1e-14));
        double[][] identity = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
        assertThat(each(ForwardCorrected.Config.of(identity).build(Schema.vectors(1, ABC)), in))
                .containsExactly(ce, within(1e-14));
    }

    @Test
    void rowsOfTheMatrixFollowTheClassesNotTheColumns() {
        ClassIndex turned =
                ClassIndex.of(List.of(ABC.columns().get(2), ABC.columns().get(0)));
        Tensor scores = Tensors.of(new double[][] {{0.5, 1}, {-3, 0.2}});
        LossInput in = new LossInput(scores, Target.ClassIds.of(2, 0), Rows.of(0, 1), turned);
        double[] l = each(new ForwardCorrected(ABC, T), in);
        double p2 = Math.exp(0.5) / (Math.exp(0.5) + Math.exp(1));
        assertThat(l[0]).isCloseTo(-Math.log(p2 * 0.7), within(1e-14));
        double q2 = Math.exp(-3) / (Math.exp(-3) + Math.exp(0.2));
        assertThat(l[1]).isCloseTo(-Math.log(q2 * 0.3 + (1 - q2) * 0.8), within(1e-14));
    }

    @Test
    void hugeScoresGiveFiniteLossesAndGradients() {
        double[][] huge = {{1000, -1000, 0}, {-1000, 1000, 500}};
        for (Loss l : List.of(new GeneralisedCe(0.7), new ForwardCorrected(ABC, T))) {
            LossInput in = input(huge, Target.ClassIds.of(1, 0));
            Parameters leaf = new Parameters(
                    List.of(new ParamMeta("z", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(in.scores()));
            Tensor total = l.value(in).total(null);
            assertThat(total.item_double()).isFinite();
            assertThat(Autograd.grad(total, leaf, false).finite()).isTrue();
        }
    }

    @Test
    void badSettingsAreRefused() {
        assertThatThrownBy(() -> new GeneralisedCe.Config(0)).hasMessageContaining("(0, 1]");
        assertThatThrownBy(() -> new GeneralisedCe(1.1)).hasMessageContaining("1.1");
        assertThatThrownBy(() -> new ForwardCorrected(ABC, new double[][] {{1}}))
                .hasMessageContaining("3 classes");
        assertThatThrownBy(() -> new ForwardCorrected(ABC, new double[][] {{1, 0, 0}, {0, 1, 0}, {0, 0.5, 0.4}}))
                .hasMessageContaining("Row 2");
        assertThatThrownBy(() -> new ForwardCorrected(ABC, new double[][] {{0, 1, 0}, {0, 1, 0}, {0, 0, 1}}))
                .hasMessageContaining("Row 0");
        assertThatThrownBy(() -> new ForwardCorrected(ABC, new double[][] {{1, 0, 0}, {0, 1, 0}, {0, -1, 2}}))
                .hasMessageContaining("-1");
        ClassIndex more = ClassIndex.numbered(4);
        LossInput unknown = new LossInput(Tensors.of(new double[1][4]), Target.ClassIds.of(0), Rows.of(0), more);
        assertThatThrownBy(() -> new ForwardCorrected(ABC, T).value(unknown)).hasMessageContaining("Class 3");
    }
}
