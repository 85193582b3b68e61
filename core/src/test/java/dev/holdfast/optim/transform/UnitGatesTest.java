package dev.holdfast.optim.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The formulas by hand; those with many numbers are in the golden vectors of the survey. */
@ExtendWith(NativeMemory.class)
class UnitGatesTest {
    private static Tensor of(double... a) {
        return Tensors.of(a, a.length);
    }

    @Test
    void sRisesFromOneOverItsMaximumToIt() {
        assertThat(UnitGates.annealed(0, 400)).isEqualTo(1 / 400.0);
        assertThat(UnitGates.annealed(1, 400)).isEqualTo(400);
        assertThat(UnitGates.annealed(0.5, 4)).isEqualTo(2.125);
    }

    @Test
    void gatesOfLargeEmbeddingsAreBinary() {
        assertThat(Tensors.doubles(UnitGates.gates(of(6, -6, 0), 400))).containsExactly(1, 0, 0.5);
    }

    @Test
    void theSparsityIsTheShareOfWhatIsLeft() {
        // (1 * 1 + 0.5 * 0.5 + 0.2 * 1) / (1 + 0.5 + 1)
        double value = UnitGates.sparsity(List.of(of(1, 0.5), of(0.2)), List.of(of(0, 0.5), of(0)))
                .item_double();
        assertThat(value).isCloseTo(1.45 / 2.5, within(1e-15));
        assertThat(UnitGates.sparsity(List.of(of(1, 0.5)), List.of(of(1, 1))).item_double())
                .isZero();
        assertThatThrownBy(() -> UnitGates.sparsity(List.of(of(1)), List.of())).hasMessageContaining("1 and 0");
    }

    @Test
    void aWeightIsHeldByTheLessUsedOfItsUnits() {
        Tensor g = Tensors.of(new double[] {1, 1, 1, 1, 1, 1}, 2, 3);
        Tensor held = UnitGates.gated(g, of(0, 0.5, 1), of(1, 0.25));
        assertThat(Tensors.doubles(held)).containsExactly(1, 0.5, 0, 1, 0.75, 0.75);
        assertThat(Tensors.doubles(UnitGates.gated(g, null, of(1, 0.25))))
                .as("inputs that are no units")
                .containsExactly(0, 0, 0, 0.75, 0.75, 0.75);
        Tensor kernels = g.reshape(2, 3, 1, 1);
        assertThat(Tensors.doubles(UnitGates.gated(kernels, of(0, 0.5, 1), of(1, 0.25))))
                .containsExactly(Tensors.doubles(held));
        assertThat(Tensors.doubles(UnitGates.gated(of(1, 1), null, of(1, 0.25))))
                .as("biases")
                .containsExactly(0, 0.75);
    }

    /** What autograd gives at s becomes what it would give at s = 1, times sMax. */
    @Test
    void compensationUndoesTheSlopeOfTheGate() {
        double sMax = 8;
        double s = 3;
        double e = 0.4;
        double a = 1 / (1 + Math.exp(-s * e));
        double atOne = 1 / (1 + Math.exp(-e));
        Tensor g = of(s * a * (1 - a));
        double got = UnitGates.compensated(g, of(e), s, sMax, 50).item_double();
        assertThat(got).isCloseTo(sMax * atOne * (1 - atOne), within(1e-12));
        assertThat(UnitGates.compensated(of(1), of(6), 400, 400, 50).item_double())
                .as("the cosh of s e is bounded")
                .isFinite();
    }
}
