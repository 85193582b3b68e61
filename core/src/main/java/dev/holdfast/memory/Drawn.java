package dev.holdfast.memory;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Rows drawn from a memory.
 *
 * @param batch the rows; null when nothing was drawn
 * @param extras what was stored with them, by name, each [n, ...]
 * @param slots where they are stored [n]
 */
@Frozen
public record Drawn(Batch batch, Map<String, Tensor> extras, int[] slots) {
    public boolean isEmpty() {
        return slots.length == 0;
    }

    /** Rows of {@code b} followed by the drawn ones. */
    public Batch after(Batch b) {
        if (isEmpty()) {
            return b;
        }
        long[] ids = Arrays.copyOf(b.rows().ids(), b.size() + batch.size());
        System.arraycopy(batch.rows().ids(), 0, ids, b.size(), batch.size());
        long[] y = Arrays.copyOf(b.classIds(), ids.length);
        System.arraycopy(batch.classIds(), 0, y, b.size(), batch.size());
        return new Batch(
                Inputs.concat(b.inputs(), batch.inputs()),
                Target.ClassIds.of(y),
                new Rows(ids, null, null, b.rows().epoch(), b.rows().step()),
                b.task(),
                b.domain(),
                null,
                null);
    }
}
