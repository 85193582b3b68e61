package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/** Keys and values [B,heads,k,d] that are put before an attention layer's own: prefix tuning and prompts. */
@Frozen
public record AttentionMemory(Tensor k, Tensor v) {
    public AttentionMemory {
        if (k.dim() != 4 || !Arrays.equals(k.shape(), v.shape())) {
            throw new IllegalArgumentException("Prefix keys and values must both be [B,heads,k,d] but are "
                    + Arrays.toString(k.shape()) + " and " + Arrays.toString(v.shape()) + ".");
        }
    }
}
