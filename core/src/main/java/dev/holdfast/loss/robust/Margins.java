package dev.holdfast.loss.robust;

import dev.holdfast.data.Target;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.LossInput;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * By how much every class beats the labelled one: {@code delta_k = f_k - f_y + margin} for k != y, {@code delta_y = 0}.
 *
 * @param scores f [n, K] on the loss's scale, the columns that take part
 * @param deltas [n, K]
 */
record Margins(Tensor scores, Tensor deltas) {
    /** The margins of a batch with one class a row; other targets are refused. */
    static Margins of(LossInput in, double margin, ScoreScale scale, String loss) {
        if (!(in.target() instanceof Target.ClassIds hard)) {
            throw Columns.unfit(loss, "one class a row", in);
        }
        Tensor f = scale.of(Columns.among(in.scores(), in));
        int[] y = Columns.of(hard, in);
        Tensor own = f.gather(1, Tensors.ids(y).unsqueeze(1));
        Tensor rivals = Tensors.scalarLike(f, 1).sub(Tensors.oneHot(y, (int) f.size(1), f));
        return new Margins(f, f.sub(own).add(rivals, Tensors.scalar(margin)));
    }

    /** {@code lambda log( (1/K) sum_k exp(delta_k / lambda) )} [n], the same lambda for all rows or one each [n, 1]. */
    static Tensor softMaximum(Tensor deltas, Tensor lambda) {
        long k = deltas.size(1);
        Tensor log = deltas.div(lambda).logsumexp(1).sub(Tensors.scalar(Math.log(k)));
        return log.mul(lambda.dim() == 0 ? lambda : lambda.squeeze(1));
    }

    static void requireMargin(double margin) {
        if (!(margin >= 0) || Double.isInfinite(margin)) {
            throw new IllegalArgumentException("The margin must be finite and >= 0 but is " + margin + ".");
        }
    }

    static void requireTwoClasses(int classes, String loss) {
        if (classes < 2) {
            throw new IllegalArgumentException(
                    loss + " compares classes: at least two are needed but the data declare " + classes + ".");
        }
    }
}
