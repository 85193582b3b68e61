package dev.holdfast.loss;

import dev.holdfast.data.Target;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Scores beside the labels that they are compared with one by one, over the columns that take part. One class a row counts
 * as one label set, all other labels unset.
 *
 * @param scores [n, L], with graph
 * @param labels [n, L] in {0, 1}, of the scores' type
 * @param known [n, L] in {0, 1}, of the scores' type, or null = all known
 */
public record LabelMatrix(Tensor scores, Tensor labels, Tensor known) {
    /** @param loss who asks, for the refusal of other targets */
    public static LabelMatrix of(String loss, LossInput in) {
        Tensor scores = Columns.among(in.scores(), in);
        if (in.target() instanceof Target.ClassIds hard) {
            return new LabelMatrix(scores, Tensors.oneHot(Columns.of(hard, in), (int) scores.size(1), scores), null);
        }
        if (in.target() instanceof Target.MultiLabel many) {
            Columns.requireLike("Label sets", many.y(), in);
            return new LabelMatrix(
                    scores,
                    Columns.among(many.y(), in).to(scores.scalar_type()),
                    many.known() == null
                            ? null
                            : Columns.among(many.known(), in).to(scores.scalar_type()));
        }
        throw Columns.unfit(loss, "label sets", in);
    }

    /** Sums of the known entries of each row [n] of a matrix [n, L]. */
    public Tensor sums(Tensor each) {
        return known == null ? each.sum(1) : each.mul(known).sum(1);
    }
}
