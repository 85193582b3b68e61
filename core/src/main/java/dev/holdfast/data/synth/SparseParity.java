package dev.holdfast.data.synth;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;

/**
 * Random bits of which the first {@code parity} decide: their exclusive or is the class, the others are noise. Prieto et al.,
 * arXiv 2501.04697, section 4. A pure function of its arguments.
 */
public final class SparseParity {
    private SparseParity() {}

    /** {@code rows} of {@code parity + noise} numbers 0 or 1. */
    public static MemoryDataset of(int parity, int noise, int rows, Rng rng) {
        if (parity < 1 || noise < 0 || rows < 1) {
            throw new IllegalArgumentException(
                    "Sparse parity needs at least one deciding bit, noise >= 0 and a row but has " + parity + ", "
                            + noise + " and " + rows + ".");
        }
        int width = parity + noise;
        float[] x = new float[rows * width];
        long[] y = new long[rows];
        Rng bits = rng.child("bits");
        for (int i = 0; i < rows; i++) {
            for (int k = 0; k < width; k++) {
                int bit = bits.below(2);
                x[i * width + k] = bit;
                y[i] ^= k < parity ? bit : 0;
            }
        }
        try (Scope s = Scope.open()) {
            return MemoryDataset.of(
                    Schema.vectors(width, ClassIndex.numbered(2)),
                    Inputs.of(Tensors.of(x, rows, width)),
                    Target.ClassIds.of(y));
        }
    }
}
