package dev.holdfast.nn.lm;

import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Next-token losses: the logits at position t are about the label at t+1. Stateless; safe from any thread. */
public final class TokenLoss {
    /** A label that does not count. */
    public static final long IGNORED = -100;

    private TokenLoss() {}

    /**
     * Mean cross-entropy in nats over the labels that count; 0, with a graph, if none does.
     *
     * @param logits [B,T,V]
     * @param labels int64 [B,T], aligned with the ids that gave the logits; {@link #IGNORED} does not count
     */
    public static Tensor mean(Tensor logits, Tensor labels) {
        Tensor next = next(logits, labels);
        Tensor counted = next.ne(Tensors.scalar(IGNORED)).sum().clamp_min(Tensors.scalar(1));
        return torch.nll_loss_nd(
                        logits.flatten(0, 1).log_softmax(-1), next.flatten(0, 1), new TensorOptional(), 2, IGNORED)
                .div(counted);
    }

    /** Log-probability of every token given those before it, [B,T-1]; entry t is about id t+1. */
    public static Tensor logProbabilities(Tensor logits, Tensor ids) {
        requireSame(logits, ids);
        long t = ids.size(1);
        return Tensors.slice(logits, 1, 0, t - 1)
                .log_softmax(-1)
                .gather(2, Tensors.slice(ids, 1, 1, t).unsqueeze(-1))
                .squeeze(-1);
    }

    /** Labels one to the left; the last position is about nothing. Shifting labels spares a copy of the logits. */
    private static Tensor next(Tensor logits, Tensor labels) {
        requireSame(logits, labels);
        Tensor last = Tensors.zerosLike(labels, labels.size(0), 1).fill_(Tensors.scalar(IGNORED));
        return Tensors.cat(1, Tensors.slice(labels, 1, 1, labels.size(1)), last);
    }

    private static void requireSame(Tensor logits, Tensor ids) {
        if (logits.dim() != 3 || ids.dim() != 2 || logits.size(0) != ids.size(0) || logits.size(1) != ids.size(1)) {
            throw new IllegalArgumentException("Logits " + Arrays.toString(logits.shape()) + " and labels "
                    + Arrays.toString(ids.shape()) + " do not belong together; expected [B,T,V] and [B,T].");
        }
    }
}
