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

    /**
     * Mean cross-entropy plus {@code coefficient * mean(log^2 Z)} with log Z = logsumexp of a position's logits, over the
     * labels that count: the z-loss (Chowdhery et al., PaLM, arXiv 2204.02311, section 5) keeps logits from drifting off
     * together, which cross-entropy does not feel.
     *
     * @param coefficient >= 0; 1e-4 in publications
     */
    public static Tensor withZ(Tensor logits, Tensor labels, double coefficient) {
        if (!(coefficient >= 0) || Double.isInfinite(coefficient)) {
            throw new IllegalArgumentException(
                    "The coefficient of a z-loss must be finite and >= 0 but is " + coefficient + ".");
        }
        Tensor next = next(logits, labels).flatten(0, 1);
        Tensor ignored = next.eq(Tensors.scalar(IGNORED));
        Tensor flat = logits.flatten(0, 1);
        Tensor logZ = flat.logsumexp(new long[] {1});
        Tensor own = flat.gather(1, next.masked_fill(ignored, Tensors.scalar(0)).unsqueeze(1))
                .squeeze(1);
        Tensor each = logZ.sub(own).add(logZ.square(), Tensors.scalar(coefficient));
        // a position that does not count must not bring in a number that is not finite
        return each.masked_fill(ignored, Tensors.scalar(0))
                .sum()
                .div(ignored.logical_not().sum().clamp_min(Tensors.scalar(1)));
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
