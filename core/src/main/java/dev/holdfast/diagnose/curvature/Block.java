package dev.holdfast.diagnose.curvature;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * The square block of an operator over entries from..to: the curvature of one layer while the others stand still.
 *
 * @param of the whole
 * @param from first entry
 * @param to one past the last
 */
public record Block(LinearOperator of, long from, long to) implements LinearOperator {
    public Block {
        if (from < 0 || to <= from || to > of.size()) {
            throw new IllegalArgumentException(
                    "A block " + from + ".." + to + " does not lie within an operator on " + of.size() + " numbers.");
        }
    }

    @Override
    public long size() {
        return to - from;
    }

    @Override
    public Tensor apply(Tensor v) {
        Tensor whole = Tensors.zerosLike(v, of.size());
        Tensors.slice(whole, from, to).copy_(v);
        return Tensors.slice(of.apply(whole), from, to);
    }
}
