package dev.holdfast.data.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.ResizedCrop.Regions;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class RegionAugmentTest {
    private static Regions one(double top, double left, double height, double width, boolean flip) {
        return new Regions(
                new float[] {(float) top, (float) left, (float) height, (float) width}, new boolean[] {flip});
    }

    @Test
    void regionsLieInTheImageWithAreaAndAspectInRange() {
        ResizedCrop c = ResizedCrop.of(7, 9);
        Regions r = c.draw(2000, 60, 80, Rng.of(1));
        int flipped = 0;
        for (int i = 0; i < r.size(); i++) {
            float[] b = Arrays.copyOfRange(r.box(), 4 * i, 4 * i + 4);
            assertThat(b[0] + b[2]).isLessThanOrEqualTo(1 + 1e-6f);
            assertThat(b[1] + b[3]).isLessThanOrEqualTo(1 + 1e-6f);
            // sides are whole pixels
            assertThat(r.area(i)).isBetween(0.07, 0.97);
            assertThat(b[3] * 80 / (b[2] * 60)).isBetween(0.7f, 1.43f);
            flipped += r.flip()[i] ? 1 : 0;
        }
        assertThat(flipped).isBetween(880, 1120);
        assertThat(c.draw(3, 60, 80, Rng.of(1)).box()).isEqualTo(Arrays.copyOf(r.box(), 12));
    }

    @Test
    void whereNothingFitsTheMiddleIsTaken() {
        Regions r = new ResizedCrop(1, 1, 1, 1, false, 4, 4).draw(1, 10, 40, Rng.of(1));
        assertThat(r.box()).containsExactly(0, 0.375f, 1, 0.25f);
    }

    @Test
    void theWholeImageAtItsSizeIsTheImageAndFlippedItsMirror() {
        for (ScalarType dtype : new ScalarType[] {ScalarType.Float, ScalarType.Double}) {
            Tensor x = Rng.of(1).normal(dtype, 2, 3, 6, 5);
            ResizedCrop c = ResizedCrop.of(6, 5);
            Tensor same = c.cut(x, new int[] {1}, one(0, 0, 1, 1, false));
            assertThat(Tensors.bytes(same)).isEqualTo(Tensors.bytes(Tensors.rows(x, 1)));
            Tensor mirror = c.cut(x, new int[] {0}, one(0, 0, 1, 1, true));
            assertThat(Tensors.bytes(mirror))
                    .isEqualTo(Tensors.bytes(Tensors.rows(x, 0).flip(3)));
        }
    }

    @Test
    void aRegionIsResampledAsTheLibraryResizesIt() {
        Tensor x = Rng.of(1).normal(ScalarType.Double, 1, 2, 12, 10);
        for (int[] size : new int[][] {{3, 4}, {7, 5}, {20, 17}}) {
            Tensor mine = ResizedCrop.of(size[0], size[1])
                    .cut(x, new int[] {0}, one(2 / 12., 3 / 10., 7 / 12., 5 / 10., false));
            Tensor part = Tensors.slice(Tensors.slice(x, 2, 2, 9), 3, 3, 8).contiguous();
            Tensor theirs = torch.upsample_bilinear2d(
                    part, new long[] {size[0], size[1]}, false, new DoubleOptional(), new DoubleOptional());
            assertThat(mine.sub(theirs).abs().max().item_double()).isLessThan(1e-12);
        }
    }

    @Test
    void aRegionSmallerThanAPixelIsOnePixel() {
        Tensor x = Rng.of(1).normal(1, 1, 4, 4);
        Tensor y = ResizedCrop.of(2, 2).cut(x, new int[] {0}, one(0.9, 0.9, 0.01, 0.01, false));
        assertThat(Tensors.doubles(y)).containsOnly(Tensors.doubles(x)[15]);
    }

    @Test
    void selfMixStaysInTheImageAndKeepsAllOfTheLabel() {
        long[] ids = {4, 4, 4, 4, 9, 9, 9, 9, 2};
        Tensor x = Rng.of(1).normal(ids.length, 1, 6, 6);
        Tensor p = Rng.of(2).normal(ids.length, 5).softmax(1);
        Batch b = new Batch(Inputs.of(x), new Target.Soft(p), Rows.of(ids));
        boolean changed = false;
        for (int seed = 0; seed < 40; seed++) {
            Batch m = new SelfMix().apply(b, Rng.of(seed));
            int[] partner = m.rows().mix().partner();
            for (int i = 0; i < ids.length; i++) {
                assertThat(ids[partner[i]]).isEqualTo(ids[i]);
            }
            assertThat(Arrays.stream(partner).sorted()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8);
            assertThat(Arrays.stream(
                            Tensors.doubles(((Target.Soft) m.target()).p().sum(1))))
                    .allMatch(t -> Math.abs(t - 1) < 1e-6);
            // the only crop of its image has nobody to be mixed with
            assertThat(Tensors.rows(m.inputs().x(), 8)
                            .sub(Tensors.rows(x, 8))
                            .abs()
                            .max()
                            .item_double())
                    .isLessThan(1e-6);
            changed |= m.inputs().x().sub(x).abs().max().item_double() > 0.1;
        }
        assertThat(changed).isTrue();
        assertThat(new SelfMix(0, 0.5, 1, 1).apply(b, Rng.of(1))).isSameAs(b);
    }

    @Test
    void aPartnerFromAnotherImageIsRefused() {
        Tensor x = Rng.of(1).normal(2, 1, 4, 4);
        Batch b = new Batch(Inputs.of(x), new Target.Soft(x.flatten(1, 3).softmax(1)), Rows.of(1, 2));
        assertThatThrownBy(() -> new SelfMix().up(b, 0.5, new int[] {1, 0})).hasMessageContaining("Mixup or CutMix");
        assertThatThrownBy(() -> new SelfMix().cut(b, new CutMix.Box(0, 1, 0, 1), new int[] {0}))
                .hasMessageContaining("1 partners");
    }

    @Test
    void cutMixMixesSoftTargetsToo() {
        Tensor x = Rng.of(1).normal(3, 1, 4, 4);
        Tensor p = Rng.of(2).normal(3, 2).softmax(1);
        CutMix mix = new CutMix(1, ClassIndex.numbered(2));
        Batch b = new Batch(Inputs.of(x), new Target.Soft(p), Rows.of(1, 2, 3));
        Batch m = mix.apply(b, new CutMix.Box(0, 2, 0, 4), new int[] {1, 2, 0});
        Tensor expected = p.add(Tensors.rows(p, 1, 2, 0)).mul(Tensors.scalar(0.5));
        assertThat(((Target.Soft) m.target()).p().sub(expected).abs().max().item_double())
                .isLessThan(1e-7);
        assertThat(mix.apply(b, Rng.of(1)).size()).isEqualTo(3);
    }
}
