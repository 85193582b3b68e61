package dev.holdfast.nn.lm;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Attention of queries [B,h,T,d] over keys and values [B,h,S,d], fused or step by step. */
final class Attention {
    private Attention() {}

    /**
     * What attention computed.
     *
     * @param logits scaled products [B,h,T,S]; minus infinity where nothing is seen
     * @param weights their softmax
     * @param out [B,h,T,d]
     */
    record Result(Tensor logits, Tensor weights, Tensor out) {}

    /** Step by step; {@code visible} bool [1 or B,1,T,S], or null if everything is seen. */
    static Result stepwise(Tensor query, Tensor key, Tensor value, Tensor visible, double scale) {
        Tensor logits = query.matmul(key.transpose(2, 3)).mul(Tensors.scalar(scale));
        if (visible != null) {
            logits = logits.masked_fill(visible.logical_not(), Tensors.scalar(Double.NEGATIVE_INFINITY));
        }
        Tensor weights = logits.softmax(-1);
        return new Result(logits, weights, weights.matmul(value));
    }

    /** In one operation, which has no second derivative. */
    static Tensor fused(Tensor query, Tensor key, Tensor value, Tensor visible, boolean causal, double scale) {
        return torch.scaled_dot_product_attention(
                query,
                key,
                value,
                visible == null ? new TensorOptional() : new TensorOptional(visible),
                0,
                visible == null && causal,
                new DoubleOptional(scale),
                false);
    }
}
