package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Who the rows of a batch are.
 *
 * @param ids stable ids of the training set [n]; -1 = generated; equal ids = crops of one image
 * @param weights [n] or null for all one; 0 = discarded
 * @param mix how rows were mixed with partners, or null
 * @param epoch epoch within the experience, from 0
 * @param step batch within the experience, from 0
 */
@Frozen
public record Rows(long[] ids, Tensor weights, Mix mix, int epoch, long step) {
    public Rows {
        if (weights != null) {
            Tensors.requireShape("row weights", weights, ids.length);
        }
        if (mix != null && mix.partner.length != ids.length) {
            throw new IllegalArgumentException(
                    "There are " + ids.length + " rows but " + mix.partner.length + " partners to mix them with.");
        }
    }

    /** Row i is lambda[i] * row i + (1 - lambda[i]) * row partner[i]; lambda [n]. */
    public record Mix(Tensor lambda, int[] partner) {}

    /** Plain rows with these ids. */
    public static Rows of(long... ids) {
        return new Rows(ids, null, null, 0, 0);
    }

    public int size() {
        return ids.length;
    }

    /** The rows i; a mix does not survive, for its partners may not. */
    public Rows rows(int... i) {
        long[] r = Arrays.stream(i).mapToLong(k -> ids[k]).toArray();
        return new Rows(r, weights == null ? null : Tensors.rows(weights, i), null, epoch, step);
    }
}
