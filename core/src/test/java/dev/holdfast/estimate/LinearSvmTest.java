package dev.holdfast.estimate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The minimum is unique: whatever the path to it, the weights are the same and the gradient is zero. */
@ExtendWith(NativeMemory.class)
class LinearSvmTest {
    private static final int ROWS = 90;
    private static final int WIDTH = 12;
    private static final int CLASSES = 4;

    private final int[] y = new int[ROWS];
    private final Tensor x;

    LinearSvmTest() {
        Rng rng = Rng.of(1);
        Tensor centre = rng.child("centre").normal(ScalarType.Double, CLASSES, WIDTH);
        for (int i = 0; i < ROWS; i++) {
            y[i] = rng.below(CLASSES);
        }
        x = Tensors.rows(centre, y).add(rng.child("noise").normal(ScalarType.Double, ROWS, WIDTH));
    }

    private static double gap(Tensor a, Tensor b) {
        return a.sub(b).abs().max().item_double();
    }

    /** Largest entry of the gradient of all classes' objectives, computed row by row in plain Java. */
    private static double gradient(double c, LinearSvm.Fit f, double[][] x, int[] y) {
        double[][] w = Tensors.rows(f.weight());
        double[] b = Tensors.doubles(f.bias());
        double largest = 0;
        for (int k = 0; k < w.length; k++) {
            double[] g = Arrays.copyOf(w[k], w[k].length + 1);
            g[w[k].length] = b[k];
            for (int i = 0; i < x.length; i++) {
                double sign = y[i] == k ? 1 : -1;
                double score = b[k];
                for (int j = 0; j < x[i].length; j++) {
                    score += w[k][j] * x[i][j];
                }
                double slack = Math.max(0, 1 - sign * score);
                for (int j = 0; j < x[i].length; j++) {
                    g[j] -= 2 * c * slack * sign * x[i][j];
                }
                g[x[i].length] -= 2 * c * slack * sign;
            }
            largest = Math.max(largest, Arrays.stream(g).map(Math::abs).max().orElseThrow());
        }
        return largest;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.01, 1, 100})
    void theGradientIsZeroAtTheEnd(double c) {
        LinearSvm.Fit f = LinearSvm.fit(new LinearSvm.Config(c, 1e-13), x, y, CLASSES);
        assertThat(f.gradientMax()).isLessThanOrEqualTo(1e-8);
        assertThat(gradient(c, f, Tensors.rows(x), y)).isLessThanOrEqualTo(1e-8);
    }

    /** Columns of zeros make the features wide, which takes the other solver, and leave the minimum where it is. */
    @ParameterizedTest
    @ValueSource(doubles = {0.01, 1, 100})
    void factoredAndConjugateStepsFindTheSameMinimum(double c) {
        LinearSvm.Config config = new LinearSvm.Config(c, 1e-13);
        LinearSvm.Fit direct = LinearSvm.fit(config, x, y, CLASSES);
        Tensor wide = Tensors.cat(1, x, Tensors.zeros(ScalarType.Double, ROWS, 300));
        LinearSvm.Fit conjugate = LinearSvm.fit(config, wide, y, CLASSES);
        assertThat(gap(Tensors.slice(conjugate.weight(), 1, 0, WIDTH), direct.weight()))
                .isLessThanOrEqualTo(1e-8);
        assertThat(gap(conjugate.bias(), direct.bias())).isLessThanOrEqualTo(1e-8);
        assertThat(Tensors.slice(conjugate.weight(), 1, WIDTH, WIDTH + 300)
                        .abs()
                        .max()
                        .item_double())
                .isZero();
        assertThat(gradient(c, conjugate, Tensors.rows(wide), y)).isLessThanOrEqualTo(1e-8);
    }

    @Test
    void blocksAndStartsDoNotMatter() {
        LinearSvm.Config config = new LinearSvm.Config(1, 1e-13);
        LinearSvm.Fit whole = LinearSvm.fit(config, x, y, CLASSES);
        List<LinearSvm.Block> blocks = List.of(
                new LinearSvm.Block(Tensors.slice(x, 0, 20), Arrays.copyOf(y, 20)),
                new LinearSvm.Block(Tensors.slice(x, 20, 21), new int[] {y[20]}),
                new LinearSvm.Block(Tensors.slice(x, 21, ROWS), Arrays.copyOfRange(y, 21, ROWS)));
        LinearSvm svm = new LinearSvm(config, () -> blocks, CLASSES, WIDTH);
        for (Tensor start : new Tensor[] {null, Rng.of(4).normal(ScalarType.Double, CLASSES, WIDTH + 1)}) {
            LinearSvm.Fit f = svm.fit(start);
            assertThat(gap(f.weight(), whole.weight())).isLessThanOrEqualTo(1e-9);
            assertThat(gap(f.bias(), whole.bias())).isLessThanOrEqualTo(1e-9);
        }
    }

    @Test
    void theInterceptIsRegularisedLikeAWeight() {
        // with the constant as a feature of its own and no room for the intercept beside it, both share the load
        Tensor ones = Tensors.zeros(ScalarType.Double, ROWS, 1).add(Tensors.scalar(1));
        LinearSvm.Fit f = LinearSvm.fit(new LinearSvm.Config(1, 1e-13), Tensors.cat(1, x, ones), y, CLASSES);
        assertThat(gap(f.weight().select(1, WIDTH), f.bias())).isLessThanOrEqualTo(1e-9);
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new LinearSvm.Config(0, 1e-6)).hasMessageContaining("C > 0");
        assertThatThrownBy(() -> new LinearSvm.Config(1, 0)).hasMessageContaining("tolerance");
    }
}
