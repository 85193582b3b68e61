package dev.holdfast.memory;

import dev.holdfast.data.Batch;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Rows drawn from a memory.
 *
 * @param batch the rows; null when nothing was drawn
 * @param extras what was stored with them, by name, each [n, ...]
 * @param slots where they are stored [n]
 */
public record Drawn(Batch batch, Map<String, Tensor> extras, int[] slots) {
    public boolean isEmpty() {
        return slots.length == 0;
    }
}
