package dev.holdfast.loss;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Tensors;
import java.util.Map;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;

/**
 * What a loss looks at.
 *
 * @param scores [n, columns], with graph
 * @param target what they are compared with
 * @param rows who the rows are
 * @param columns meaning of the columns
 * @param side what a few losses need beside scores (features, teacher confidence), by name
 * @param training true in a training step
 * @param among which columns take part, or null for all
 */
@Frozen
public record LossInput(
        Tensor scores,
        Target target,
        Rows rows,
        ClassIndex columns,
        Map<String, Tensor> side,
        boolean training,
        boolean[] among) {
    public LossInput {
        Tensors.requireShape("scores of a loss", scores, -1, columns.size());
        if (target.size() >= 0 && target.size() != scores.size(0)) {
            throw new IllegalArgumentException(
                    "A loss got " + scores.size(0) + " rows of scores but " + target.size() + " targets.");
        }
        if (among != null && among.length != columns.size()) {
            throw new IllegalArgumentException(
                    "A mask of " + among.length + " entries was given for " + columns.size() + " columns.");
        }
        side = Map.copyOf(side);
    }

    public LossInput(
            Tensor scores, Target target, Rows rows, ClassIndex columns, Map<String, Tensor> side, boolean training) {
        this(scores, target, rows, columns, side, training, null);
    }

    /** A training step with nothing on the side. */
    public LossInput(Tensor scores, Target target, Rows rows, ClassIndex columns) {
        this(scores, target, rows, columns, Map.of(), true, null);
    }

    /** The same input in which only these columns take part. */
    public LossInput among(Predicate<ClassIndex.Column> keep) {
        return new LossInput(scores, target, rows, columns, side, training, columns.where(keep));
    }
}
