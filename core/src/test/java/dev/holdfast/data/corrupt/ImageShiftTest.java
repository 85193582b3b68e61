package dev.holdfast.data.corrupt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.augment.ImageOps;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Changes of inputs that leave the classes as they are. */
@ExtendWith(NativeMemory.class)
class ImageShiftTest {
    private static Dataset bytes() {
        try (Scope s = Scope.open()) {
            byte[] pixels = new byte[3 * 16];
            for (int i = 0; i < pixels.length; i++) {
                pixels[i] = (byte) (i * 5);
            }
            return MemoryDataset.of(
                    Schema.images(1, 4, 4, ClassIndex.numbered(3)),
                    Inputs.of(Tensors.ofBytes(pixels, 3, 1, 4, 4)),
                    Target.ClassIds.of(0, 1, 2));
        }
    }

    private static double[] x(Dataset d, int... rows) {
        try (Scope s = Scope.open()) {
            return Tensors.doubles(d.rows(rows).inputs().x());
        }
    }

    @Test
    void contrastIsAStraightLineThroughFractions() {
        WithTruth<Dataset> w = new ImageShift.Contrast(0.45, 0.3).apply(bytes(), Rng.of(1));
        double[] clean = x(w.truth(), 2);
        double[] shifted = x(w.data(), 2);
        for (int i = 0; i < clean.length; i++) {
            assertThat(shifted[i]).isCloseTo(0.45 * clean[i] + 0.3, within(1e-6));
        }
        assertThat(w.data().classIds()).containsExactly(0, 1, 2);
        assertThat(w.data().fingerprint()).isNotEqualTo(w.truth().fingerprint());
    }

    @Test
    void aRowHasTheSameNoiseInWhateverBatchItComes() {
        Dataset d = ImageShift.noise(0.25).apply(bytes(), Rng.of(1)).data();
        double[] alone = x(d, 1);
        double[] among = x(d, 2, 1, 0);
        assertThat(java.util.Arrays.copyOfRange(among, 16, 32)).containsExactly(alone);
        assertThat(x(d.subset(1, 2), 0)).containsExactly(alone);
        assertThat(x(ImageShift.noise(0.25).apply(bytes(), Rng.of(2)).data(), 1))
                .isNotEqualTo(alone);
        assertThat(java.util.Arrays.stream(alone)).allMatch(v -> v >= 0 && v <= 1);
    }

    @Test
    void noiseHasItsDeviation() {
        Dataset zero = Clouds.of(2, 200, 20, 1, "train");
        double[] clean = x(zero, java.util.stream.IntStream.range(0, 400).toArray());
        double[] noisy = x(
                ImageShift.featureNoise(0.5).apply(zero, Rng.of(3)).data(),
                java.util.stream.IntStream.range(0, 400).toArray());
        double sum = 0;
        for (int i = 0; i < clean.length; i++) {
            sum += Math.pow(noisy[i] - clean[i], 2);
        }
        assertThat(Math.sqrt(sum / clean.length)).isCloseTo(0.5, within(0.02));
    }

    @Test
    void scalingHasOneFactorAnEntryForAllRows() {
        Dataset d = Clouds.of(2, 3, 4, 1, "train");
        Dataset scaled = new ImageShift.Scaling(0.5).apply(d, Rng.of(1)).data();
        for (int k = 0; k < 4; k++) {
            double first = x(scaled, 0)[k] / x(d, 0)[k];
            assertThat(first).isPositive().isNotEqualTo(1);
            assertThat(x(scaled, 5)[k] / x(d, 5)[k]).isCloseTo(first, within(1e-5));
        }
    }

    @Test
    void blurIsTheMeanOfNinePixelsFewerAtTheBorder() {
        try (Scope s = Scope.open()) {
            double[] a = {1, 2, 3, 4, 5, 6, 7, 8, 9};
            Tensor b = ImageOps.blur(Tensors.of(a, 1, 1, 3, 3));
            double[] v = Tensors.doubles(b);
            assertThat(v[4]).isCloseTo(5, within(1e-12));
            assertThat(v[0]).isCloseTo((1 + 2 + 4 + 5) / 4.0, within(1e-12));
            assertThat(v[1]).isCloseTo((1 + 2 + 3 + 4 + 5 + 6) / 6.0, within(1e-12));
            assertThat(Tensors.doubles(ImageOps.pool(Tensors.of(new double[] {1, 2, 3, 4}, 1, 1, 2, 2), 2)))
                    .containsExactly(2.5);
            assertThatThrownBy(() -> ImageOps.pool(b, 2)).hasMessageContaining("3x3");
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> new ImageShift.Blur().apply(Clouds.of(2, 3, 4, 1, "train"), Rng.of(1)))
                .hasMessageContaining("Only images can be blurred");
        assertThatThrownBy(() -> ImageShift.noise(-1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> new ImageShift.Scaling(Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new ImageShift.Contrast(1, Double.POSITIVE_INFINITY))
                .hasMessageContaining("offset");
    }
}
