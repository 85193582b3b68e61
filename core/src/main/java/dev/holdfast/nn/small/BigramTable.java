package dev.holdfast.nn.small;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Next tokens from the last one alone: a table of logits against known chances. Rows whose next token is certain are flat
 * directions in which a loss falls for ever (the river); rows that are uncertain have curvature at the best logits, so noise keeps
 * their loss above the entropy (the hills). Wen et al., arXiv 2410.05192. Pure; safe from any thread.
 *
 * @param weights chance of each last token [V], sum 1
 * @param next chances of the next token [V, V], rows sum to 1
 */
public record BigramTable(Tensor weights, Tensor next) {
    public BigramTable {
        Tensors.requireShape("chances of last tokens", weights, -1);
        Tensors.requireShape("chances of next tokens", next, weights.size(0), weights.size(0));
    }

    /** Cross entropy of each row's logits [V, V] with its chances [V]. */
    public Tensor rowLosses(Tensor logits) {
        return next.mul(logits.log_softmax(1)).sum(1).neg();
    }

    /** Entropy of each row [V]: the least that its loss can be. */
    public Tensor rowEntropies() {
        return next.xlogy(next).sum(1).neg();
    }

    /** Mean loss over tokens as they come. */
    public double loss(Tensor logits) {
        return Tensors.item(weights.dot(rowLosses(logits)));
    }

    /** By how much the loss is above the least. */
    public double excess(Tensor logits) {
        return loss(logits) - Tensors.item(weights.dot(rowEntropies()));
    }

    /** Gradient of the mean loss [V, V]. */
    public Tensor gradient(Tensor logits) {
        return logits.softmax(1).sub(next).mul(weights.unsqueeze(1));
    }

    /** Hessians of the rows, weights_i (diag(q) - q q') [V, V, V]. */
    public Tensor rowHessians(Tensor logits) {
        Tensor q = logits.softmax(1);
        return torch.diag_embed(q)
                .sub(q.unsqueeze(2).mul(q.unsqueeze(1)))
                .mul(weights.unsqueeze(1).unsqueeze(2));
    }

    /** Logits after a step on one seen pair, in which only the row of the last token moves. */
    public static Tensor seen(Tensor logits, int last, int following, double rate) {
        Tensor moved = logits.clone();
        Tensor row = moved.select(0, last);
        Tensor step = row.softmax(0)
                .sub(Tensors.oneHot(new int[] {following}, (int) logits.size(1), logits)
                        .select(0, 0));
        row.sub_(step, Tensors.scalar(rate));
        return moved;
    }
}
