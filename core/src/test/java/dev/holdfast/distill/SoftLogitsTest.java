package dev.holdfast.distill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class SoftLogitsTest {
    private static Tensor logits(String name, int columns) {
        return Rng.of(1).child(name).normal(ScalarType.Double, 5, columns);
    }

    private static double[] gradient(SoftLogits d, Tensor student, Tensor teacher) {
        Tensor leaf = Scope.own(student.clone()).set_requires_grad(true);
        Parameters p = new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(leaf));
        return Tensors.doubles(Autograd.grad(d.value(leaf, teacher), p, false).get(0));
    }

    @Test
    void bothFormsHaveTheGradientOfTheSoftenedDifference() {
        Tensor student = logits("student", 4);
        Tensor teacher = logits("teacher", 4);
        double t = 2.5;
        double[] wanted = Tensors.doubles(student.div(Tensors.scalar(t))
                .softmax(1)
                .sub(teacher.div(Tensors.scalar(t)).softmax(1))
                .div(Tensors.scalar(5 * t)));
        for (SoftLogits.Form form : SoftLogits.Form.values()) {
            assertThat(gradient(new SoftLogits(t, form), student, teacher)).containsExactly(wanted, within(1e-14));
        }
    }

    @Test
    void theyDifferByTheTeachersEntropyAndKlVanishesForEqualLogits() {
        Tensor student = logits("student", 4);
        Tensor teacher = logits("teacher", 4);
        Tensor q = teacher.div(Tensors.scalar(2)).softmax(1);
        double entropy = q.mul(q.log()).sum(1).neg().mean().item_double();
        double kl =
                new SoftLogits(2, SoftLogits.Form.KL).value(student, teacher).item_double();
        double ce = new SoftLogits(2, SoftLogits.Form.CROSS_ENTROPY)
                .value(student, teacher)
                .item_double();
        assertThat(ce - kl).isCloseTo(entropy, within(1e-14));
        assertThat(new SoftLogits(2, SoftLogits.Form.KL).value(teacher, teacher).item_double())
                .isCloseTo(0, within(1e-15));
    }

    @Test
    void columnsBeyondTheTeachersAreLeftOut() {
        Tensor student = logits("student", 6);
        Tensor teacher = logits("teacher", 4);
        SoftLogits d = new SoftLogits(2, SoftLogits.Form.KL);
        assertThat(d.value(student, teacher).item_double())
                .isEqualTo(d.value(Tensors.slice(student, 1, 0, 4), teacher).item_double());
        double[] g = gradient(d, student, teacher);
        for (int i = 0; i < 5; i++) {
            assertThat(g[6 * i + 4]).isZero();
            assertThat(g[6 * i + 5]).isZero();
        }
        assertThatThrownBy(() -> d.value(teacher, student)).hasMessageContaining("[5, 4]");
        assertThatThrownBy(() -> new SoftLogits(0, SoftLogits.Form.KL)).hasMessageContaining("0");
    }
}
