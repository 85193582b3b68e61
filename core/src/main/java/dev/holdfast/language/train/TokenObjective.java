package dev.holdfast.language.train;

import dev.holdfast.nn.lm.TokenLoss;
import org.bytedeco.pytorch.Tensor;

/** What a language model is trained for. */
@FunctionalInterface
public interface TokenObjective {
    /** Mean cross-entropy of the next token in nats. */
    TokenObjective CROSS_ENTROPY = TokenLoss::mean;

    /** Cross-entropy plus {@code coefficient} times the mean of log^2 Z: {@link TokenLoss#withZ}. */
    static TokenObjective withZ(double coefficient) {
        return (logits, labels) -> TokenLoss.withZ(logits, labels, coefficient);
    }

    /**
     * A number to make small, with its graph: a mean over the labels that count, so that the mean of a batch follows from
     * those of its parts.
     *
     * @param logits [B,T,V]
     * @param labels int64 [B,T], aligned with the ids that gave the logits
     */
    Tensor of(Tensor logits, Tensor labels);
}
