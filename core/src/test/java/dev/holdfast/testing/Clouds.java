package dev.holdfast.testing;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Small data for tests of learners: one cloud of vectors a class, classes in turn (0, 1, 2, ..., 0, 1, 2, ...). */
public final class Clouds {
    private Clouds() {}

    /** float32 vectors; equal seeds give equal centres, {@code part} names other rows around them. */
    public static MemoryDataset of(int classes, int rowsPerClass, int width, long seed, String part) {
        return of(ScalarType.Float, classes, rowsPerClass, width, seed, part);
    }

    /** Vectors of a floating type. */
    public static MemoryDataset of(ScalarType dtype, int classes, int rowsPerClass, int width, long seed, String part) {
        try (Scope s = Scope.open()) {
            int n = classes * rowsPerClass;
            int[] y = new int[n];
            long[] ids = new long[n];
            for (int i = 0; i < n; i++) {
                y[i] = i % classes;
                ids[i] = y[i];
            }
            Tensor centre = Rng.of(seed).child("centre").normal(dtype, classes, width);
            Tensor x = Tensors.rows(centre, y)
                    .mul_(Tensors.scalar(2))
                    .add_(Rng.of(seed).child(part).normal(dtype, n, width).mul_(Tensors.scalar(0.5)));
            return MemoryDataset.of(
                    Schema.vectors(width, ClassIndex.numbered(classes)), Inputs.of(x), Target.ClassIds.of(ids));
        }
    }
}
