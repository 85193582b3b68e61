package dev.holdfast.loss;

import dev.holdfast.data.Target;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** How the losses find the score columns of targets. */
public final class Columns {
    private Columns() {}

    /** Score column of each row, counted among those that take part; an unknown or masked class is refused by row. */
    public static int[] of(Target.ClassIds target, LossInput in) {
        long[] ids = Tensors.longs(target.ids());
        int[] column = in.columns().columnsOf(ids);
        if (in.among() == null) {
            return column;
        }
        int[] place = new int[in.among().length];
        int next = 0;
        for (int c = 0; c < place.length; c++) {
            place[c] = in.among()[c] ? next++ : -1;
        }
        for (int i = 0; i < column.length; i++) {
            if (place[column[i]] < 0) {
                throw new IllegalArgumentException(
                        "Row " + i + " has class " + ids[i]
                                + ", whose column takes no part in this loss.\nMaybe the column mask belongs to another batch.");
            }
            column[i] = place[column[i]];
        }
        return column;
    }

    /** The entries of a matrix [n, columns] that take part. */
    public static Tensor among(Tensor matrix, LossInput in) {
        return in.among() == null ? matrix : matrix.index_select(1, Tensors.ids(kept(in)));
    }

    /**
     * The losses of the rows [n], of the losses [n, K] that each class that takes part would give as the label: that of the
     * row's class, or their mean under its soft target. Other targets are refused.
     *
     * @param what the loss in a sentence, for errors
     */
    public static Tensor weigh(Tensor each, LossInput in, String what) {
        if (in.target() instanceof Target.ClassIds hard) {
            return each.gather(1, Tensors.ids(of(hard, in)).unsqueeze(1)).squeeze(1);
        }
        if (in.target() instanceof Target.Soft soft) {
            requireLike("Soft targets", soft.p(), in);
            return among(soft.p(), in).to(each.scalar_type()).mul(each).sum(1);
        }
        throw unfit(what, "one class or one distribution a row", in);
    }

    public static int[] kept(LossInput in) {
        int[] kept =
                IntStream.range(0, in.among().length).filter(c -> in.among()[c]).toArray();
        if (kept.length == 0) {
            throw new IllegalArgumentException("No score column takes part in this loss.");
        }
        return kept;
    }

    /** Refuses targets whose shape is not that of the scores. */
    public static void requireLike(String what, Tensor target, LossInput in) {
        if (!Arrays.equals(target.shape(), in.scores().shape())) {
            throw new IllegalArgumentException(what + " have shape " + Arrays.toString(target.shape())
                    + " but the scores have " + Arrays.toString(in.scores().shape()) + ".");
        }
    }

    public static IllegalArgumentException unfit(String loss, String expected, LossInput in) {
        return new IllegalArgumentException(loss + " compares scores with " + expected + " but the target is "
                + in.target().getClass().getSimpleName() + ".");
    }
}
