package dev.holdfast.estimate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class LinearSoftmaxTest {
    private static final int[] COLUMN = {0, 1, 2, 0, 1, 2, 0};

    private static Tensor rows() {
        return Rng.of(1).normal(ScalarType.Double, COLUMN.length, 4);
    }

    private static double loss(double[][] w, double[][] x) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            double[] s = new double[w.length];
            double all = 0;
            for (int c = 0; c < w.length; c++) {
                s[c] = w[c][4];
                for (int j = 0; j < 4; j++) {
                    s[c] += w[c][j] * x[i][j];
                }
                all += Math.exp(s[c]);
            }
            sum += Math.log(all) - s[COLUMN[i]];
        }
        return sum / x.length;
    }

    @Test
    void theGradientIsThatOfTheMeanCrossEntropy() {
        Tensor w = Rng.of(2).normal(ScalarType.Double, 3, 5);
        double[][] g = Tensors.rows(LinearSoftmax.gradient(w, rows(), COLUMN));
        double[][] x = Tensors.rows(rows());
        for (int c = 0; c < 3; c++) {
            for (int j = 0; j < 5; j++) {
                double[][] up = Tensors.rows(w);
                double[][] down = Tensors.rows(w);
                up[c][j] += 1e-5;
                down[c][j] -= 1e-5;
                assertThat(g[c][j]).isCloseTo((loss(up, x) - loss(down, x)) / 2e-5, within(1e-8));
            }
        }
    }

    /** Two steps of momentum with decay by hand: both batches are all rows, the second at half the rate. */
    @Test
    void aStepHasMomentumDecayAndACosine() {
        Tensor x = rows();
        Tensor start = Rng.of(2).normal(ScalarType.Double, 3, 5);
        Tensor fit =
                LinearSoftmax.fit(new LinearSoftmax.Config(2, 0.3, 0.9, 0.01, 100), x, COLUMN, 3, start, Rng.of(1));
        Tensor v = LinearSoftmax.gradient(start, x, COLUMN).add(start, Tensors.scalar(0.01));
        Tensor w = start.sub(v, Tensors.scalar(0.3));
        v = v.mul(Tensors.scalar(0.9)).add(LinearSoftmax.gradient(w, x, COLUMN)).add(w, Tensors.scalar(0.01));
        w = w.sub(v, Tensors.scalar(0.15));
        assertThat(fit.sub(w).abs().max().item_double()).isLessThan(1e-12);
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new LinearSoftmax.Config(0, 1, 0, 0, 1)).hasMessageContaining("epochs");
        assertThatThrownBy(() -> new LinearSoftmax.Config(1, 0, 0, 0, 1)).hasMessageContaining("rate");
        assertThatThrownBy(() -> new LinearSoftmax.Config(1, 1, 1, 0, 1)).hasMessageContaining("momentum");
    }
}
