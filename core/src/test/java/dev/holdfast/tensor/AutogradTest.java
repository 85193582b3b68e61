package dev.holdfast.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class AutogradTest {
    private final Tensor x = Scope.own(Tensors.of(new double[] {1, 2}, 2)).set_requires_grad(true);
    private final Tensor y = Scope.own(Tensors.of(new double[] {3}, 1)).set_requires_grad(true);
    private final Parameters p = new Parameters(
            List.of(
                    new ParamMeta("x", ParamMeta.Role.HIDDEN, 1, 1, true, 0),
                    new ParamMeta("y", ParamMeta.Role.HIDDEN, 1, 1, true, 0)),
            List.of(x, y));

    @Test
    void gradientsAreValuesAndNothingAccumulates() {
        Tensor loss = x.mul(x).sum();
        for (int i = 0; i < 2; i++) {
            ParamVector g = Autograd.grad(loss, p, false, true);
            assertThat(Tensors.doubles(g.get(0))).containsExactly(2, 4);
            assertThat(g.get(1)).as("not reached").isNull();
        }
        assertThat(x.grad().defined()).isFalse();
    }

    @Test
    void gradientsOfGradients() {
        // f = sum x^3 y: df/dx = 3 x^2 y, then the gradient of its sum is 6 x y and 3 sum x^2
        Tensor loss = x.pow(Tensors.scalar(3)).sum().mul(y).sum();
        ParamVector g = Autograd.grad(loss, p, true);
        ParamVector second = Autograd.grad(g.get(0).sum(), p, false);
        assertThat(Tensors.doubles(second.get(0))).containsExactly(new double[] {18, 36}, within(1e-13));
        assertThat(Tensors.doubles(second.get(1))).containsExactly(new double[] {15}, within(1e-13));
    }

    @Test
    void hessianVectorProducts() {
        Tensor loss = x.pow(Tensors.scalar(3)).sum().mul(y).sum();
        ParamVector v =
                new ParamVector(p, new Tensor[] {Tensors.of(new double[] {1, -1}, 2), Tensors.of(new double[] {2}, 1)});
        ParamVector hv = Autograd.hvp(loss, p, v);
        // H = [[6 x y, 3 x^2], [3 x^2, 0]]
        assertThat(Tensors.doubles(hv.get(0))).containsExactly(new double[] {18 + 6, -36 + 24}, within(1e-13));
        assertThat(Tensors.doubles(hv.get(1))).containsExactly(new double[] {3 - 12}, within(1e-13));
        // a linear function bends nowhere
        assertThat(Autograd.hvp(x.sum(), p, v).get(0)).isNull();
    }

    @Test
    void vectorJacobianProducts() {
        Tensor out = x.mul(y);
        ParamVector g = Autograd.vjp(out, Tensors.of(new double[] {1, 10}, 2), p);
        assertThat(Tensors.doubles(g.get(0))).containsExactly(3, 30);
        assertThat(Tensors.doubles(g.get(1))).containsExactly(21);
    }

    @Test
    void aSurrogateShowsOneValueAndPassesAnotherSlope() {
        Tensor z = x.mul(Tensors.scalar(0.3));
        Tensor sign = Autograd.surrogate(z, z.sign(), Tensors.of(new double[] {0.5, 2}, 2));
        assertThat(Tensors.doubles(sign)).containsExactly(1, 1);
        ParamVector g = Autograd.grad(sign.sum(), p, false);
        assertThat(Tensors.doubles(g.get(0))).containsExactly(new double[] {0.15, 0.6}, within(1e-15));
    }

    @Test
    void recordingIsSwitchedForThisThreadOnly() {
        try (var off = Autograd.noGrad()) {
            assertThat(x.mul(x).requires_grad()).isFalse();
            try (var on = Autograd.withGrad()) {
                assertThat(x.mul(x).requires_grad()).isTrue();
            }
            assertThat(x.mul(x).requires_grad()).isFalse();
        }
        assertThat(x.mul(x).requires_grad()).isTrue();
    }

    @Test
    void aLossIsOneNumber() {
        assertThatThrownBy(() -> Autograd.grad(x.mul(x), p, false)).hasMessageContaining("2");
        ParamVector constant = Autograd.grad(Tensors.zeros(ScalarType.Double, 1), p, false);
        assertThat(constant.get(0)).isNull();
    }
}
