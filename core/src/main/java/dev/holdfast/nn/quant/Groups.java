package dev.holdfast.nn.quant;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Consecutive entries of the last dimension, a group each. A row that is shorter than a group is one group; a last group that
 * is incomplete is filled up, so that groups never reach from one row into the next.
 *
 * @param shape of what is divided
 * @param size entries of a group
 * @param padding entries added to every row
 */
record Groups(long[] shape, long size, long padding) {
    static Groups of(Tensor x, int most) {
        long[] shape = x.shape();
        long width = shape.length == 0 ? 1 : shape[shape.length - 1];
        long size = Math.max(1, Math.min(most, width));
        return new Groups(shape, size, (size - width % size) % size);
    }

    /** [groups, size], padded with zeros. */
    Tensor filledWithZeros(Tensor x) {
        return (padding == 0 ? x : torch.constant_pad_nd(x, new long[] {0, padding}, Tensors.scalar(0)))
                .reshape(-1, size);
    }

    /** [groups, size], padded with the last entry of the row, which no smallest or largest entry notices. */
    Tensor filledWithLast(Tensor x) {
        if (padding == 0) {
            return x.reshape(-1, size);
        }
        Tensor last = x.narrow(-1, x.size(-1) - 1, 1);
        long[] more = shape.clone();
        more[more.length - 1] = padding;
        return Tensors.cat(-1, x, last.expand(more)).reshape(-1, size);
    }

    /** Back from [groups, size] to the shape, without the padding. */
    Tensor undo(Tensor grouped) {
        if (padding == 0) {
            return grouped.reshape(shape);
        }
        long[] padded = shape.clone();
        padded[padded.length - 1] += padding;
        return grouped.reshape(padded).narrow(-1, 0, shape[shape.length - 1]).contiguous();
    }
}
