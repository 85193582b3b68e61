package dev.holdfast.distill.store;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.ResizedCrop;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Small images of which the brightness says the class, and a teacher that sees it. */
final class StoreBed {
    static final int CLASSES = 3;
    static final int SIDE = 8;

    private StoreBed() {}

    /** n grey images, ids from 100 on; class c has brightness about (c + 1) / 4. */
    static Dataset images(int n, Rng rng) {
        long[] y = LongStream.range(0, n).map(i -> i % CLASSES).toArray();
        double[] light = LongStream.of(y).mapToDouble(c -> (c + 1) / 4.).toArray();
        Tensor x = rng.uniform(n, 1, SIDE, SIDE)
                .mul(Tensors.scalar(0.2))
                .add(Tensors.of(light, n, 1, 1, 1).to(ScalarType.Float))
                .sub(Tensors.scalar(0.1));
        return MemoryDataset.of(
                schema(),
                Inputs.of(x),
                Target.ClassIds.of(y),
                LongStream.range(100, 100 + n).toArray());
    }

    static Schema schema() {
        return new Schema(
                List.of(new Schema.Field("x", Schema.Field.Kind.IMAGE, List.of(1L, (long) SIDE, (long) SIDE), 0)),
                Target.ClassIds.class,
                ClassIndex.numbered(CLASSES),
                Optional.empty());
    }

    /** Softmax of closeness to each class's brightness. */
    static Tensor teacher(Tensor x) {
        Tensor light = x.mean(new long[] {1, 2, 3}).unsqueeze(1);
        Tensor at = Tensors.of(new double[] {0.25, 0.5, 0.75}, 1, CLASSES).to(x.scalar_type());
        return light.sub(at).pow(Tensors.scalar(2)).mul(Tensors.scalar(-60)).softmax(1);
    }

    static SoftLabelStore.Config config(Compression c, boolean half) {
        return new SoftLabelStore.Config(6, ResizedCrop.of(SIDE, SIDE), c, half);
    }
}
