package dev.holdfast.data.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class AugmentTest {
    private static final ClassIndex THREE = ClassIndex.numbered(3);

    private static Batch batch(double[][] x, long... y) {
        long[] ids = new long[y.length];
        Arrays.setAll(ids, i -> 10 + i);
        return new Batch(Inputs.of(Tensors.of(x)), Target.ClassIds.of(y), Rows.of(ids));
    }

    @Test
    void rowsAndLabelsAreMixedAlike() {
        Batch m = new Mixup(1, THREE)
                .apply(batch(new double[][] {{1, 2}, {3, 4}, {5, 6}}, 0, 2, 2), 0.75, new int[] {1, 2, 1});
        assertThat(Tensors.rows(m.inputs().x())).isDeepEqualTo(new double[][] {{1.5, 2.5}, {3.5, 4.5}, {4.5, 5.5}});
        assertThat(Tensors.rows(((Target.Soft) m.target()).p()))
                .isDeepEqualTo(new double[][] {{0.75, 0, 0.25}, {0, 0, 1}, {0, 0, 1}});
        assertThat(m.rows().ids()).containsExactly(10, 11, 12);
        assertThat(m.rows().mix().partner()).containsExactly(1, 2, 1);
        assertThat(Tensors.doubles(m.rows().mix().lambda())).containsOnly(0.75);
    }

    @Test
    void bytesAreMixedAsFractions() {
        Tensor x = Tensors.ofBytes(new byte[] {(byte) 255, 0}, 2, 1);
        Batch b = new Batch(Inputs.of(x), Target.ClassIds.of(0, 1), Rows.of(0, 1));
        Batch m = new Mixup(1, THREE).apply(b, 0.5, new int[] {1, 0});
        assertThat(Tensors.doubles(m.inputs().x())).containsExactly(new double[] {0.5, 0.5}, within(1e-7));
    }

    @Test
    void oneRowAndAlphaZeroStayAsTheyAre() {
        Batch one = batch(new double[][] {{1, 2}}, 0);
        assertThat(new Mixup(1, THREE).apply(one, Rng.of(1))).isSameAs(one);
        assertThat(new Mixup(1, THREE).apply(one, 0.6, new int[] {0})).isSameAs(one);
        Batch two = batch(new double[][] {{1, 2}, {3, 4}}, 0, 1);
        assertThat(new Mixup(0, THREE).apply(two, Rng.of(1))).isSameAs(two);
    }

    @Test
    void aRowStaysNearerToItself() {
        Batch b = batch(new double[][] {{1}, {2}, {3}, {4}}, 0, 1, 2, 0);
        for (long seed = 0; seed < 50; seed++) {
            Rows.Mix mix = new Mixup(0.3, THREE).apply(b, Rng.of(seed)).rows().mix();
            assertThat(Tensors.doubles(mix.lambda())[0]).isBetween(0.5, 1.0);
            assertThat(mix.partner()).containsExactlyInAnyOrder(0, 1, 2, 3);
        }
        assertThat(Tensors.doubles(
                        new Mixup(1, THREE).apply(b, Rng.of(3)).rows().mix().lambda()))
                .containsExactly(Tensors.doubles(
                        new Mixup(1, THREE).apply(b, Rng.of(3)).rows().mix().lambda()));
    }

    /** Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)). */
    @Test
    void sharesComeFromTheBetaDistribution() {
        for (double a : new double[] {0.2, 1, 4}) {
            Rng rng = Rng.of(8);
            int n = 20000;
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < n; i++) {
                double v = Mixup.beta(a, rng);
                assertThat(v).isBetween(0.0, 1.0);
                sum += v;
                squares += (v - 0.5) * (v - 0.5);
            }
            double variance = 1 / (4 * (2 * a + 1));
            assertThat(sum / n).isCloseTo(0.5, within(5 * Math.sqrt(variance / n)));
            assertThat(squares / n).isCloseTo(variance, within(0.05 * variance));
        }
    }

    @Test
    void whatCannotBeMixedIsRefused() {
        Batch b = batch(new double[][] {{1}, {2}}, 0, 1);
        Mixup m = new Mixup(1, THREE);
        assertThatThrownBy(() -> new Mixup(-1, THREE)).hasMessageContaining("-1");
        assertThatThrownBy(() -> m.apply(b, 0.4, new int[] {1, 0})).hasMessageContaining("0.4");
        assertThatThrownBy(() -> m.apply(b, 0.6, new int[] {1})).hasMessageContaining("1 partners");
        Batch mixed = m.apply(b, 0.6, new int[] {1, 0});
        assertThatThrownBy(() -> m.apply(mixed, Rng.of(1))).hasMessageContaining("mixed already");
        Batch unlabelled = new Batch(b.inputs(), new Target.None(), b.rows());
        assertThatThrownBy(() -> m.apply(unlabelled, Rng.of(1))).hasMessageContaining("None");
        Schema nominal = Schema.of(
                new Schema.Field("x", Schema.Field.Kind.NOMINAL, List.of(1L), 3), Target.ClassIds.class, THREE);
        assertThatThrownBy(() -> Mixup.requireMixable(nominal)).hasMessageContaining("NOMINAL");
        Mixup.requireMixable(Schema.vectors(2, THREE));
    }

    private static Batch images() {
        // pixel (r, k) of image i is 100 i + 10 r + k
        double[] x = new double[2 * 3 * 3];
        for (int i = 0; i < x.length; i++) {
            x[i] = 100 * (i / 9) + 10 * (i % 9 / 3) + i % 3 + 1;
        }
        return new Batch(Inputs.of(Tensors.of(x, 2, 1, 3, 3)), Target.ClassIds.of(0, 1), Rows.of(4, 5));
    }

    @Test
    void cropsAndFlipsFollowTheirDraws() {
        Batch b = images();
        Batch c = new CropAndFlip(1, true).apply(b, new int[] {1, 0}, new int[] {1, 2}, new boolean[] {true, false});
        double[] x = Tensors.doubles(c.inputs().x());
        assertThat(Arrays.copyOf(x, 9)).containsExactly(3, 2, 1, 13, 12, 11, 23, 22, 21);
        assertThat(Arrays.copyOfRange(x, 9, 18)).containsExactly(0, 0, 0, 102, 103, 0, 112, 113, 0);
        assertThat(c.rows()).isEqualTo(b.rows());
    }

    @Test
    void withoutPaddingAndFlipNothingMovesAndBytesStayBytes() {
        Tensor bytes = Tensors.ofBytes(new byte[] {1, 2, 3, (byte) 250}, 1, 1, 2, 2);
        Batch b = new Batch(Inputs.of(bytes), Target.ClassIds.of(0), Rows.of(0));
        Batch same = new CropAndFlip(0, false).apply(b, Rng.of(1));
        assertThat(same.inputs().tensor("x").scalar_type().intern()).isEqualTo(ScalarType.Byte);
        assertThat(Tensors.bytes(same.inputs().tensor("x"))).containsExactly(1, 2, 3, (byte) 250);
        for (long seed = 0; seed < 20; seed++) {
            Batch any = new CropAndFlip(2, true).apply(images(), Rng.of(seed));
            assertThat(any.inputs().x().shape()).containsExactly(2, 1, 3, 3);
        }
    }

    @Test
    void badDrawsAreRefused() {
        assertThatThrownBy(() -> new CropAndFlip(-1, true)).hasMessageContaining("-1");
        assertThatThrownBy(() -> new CropAndFlip(1, true).apply(images(), new int[] {3, 0}, new int[2], new boolean[2]))
                .hasMessageContaining("row 0")
                .hasMessageContaining("[0, 2]");
        assertThatThrownBy(() -> new CropAndFlip(1, true).apply(images(), new int[1], new int[2], new boolean[2]))
                .hasMessageContaining("2 rows");
    }
}
