package dev.holdfast.nn.lm;

import dev.holdfast.nn.lm.DecoderStyle.Norm;

/** What is done to queries and keys, over the entries of each head, before rotary positions turn them. */
public enum QkNorm {
    NONE,
    /** RMSNorm, one scale for all heads (Qwen3). */
    RMS_NORM,
    /**
     * LayerNorm without bias, one scale for all heads: keeps every attention logit within sqrt(head size) times the scales
     * (Dehghani et al., arXiv 2302.05442; Wortsman et al., arXiv 2309.14322, section 3.1.1).
     */
    LAYER_NORM,
    /** LayerNorm without bias, a scale for every head. */
    LAYER_NORM_BY_HEAD;

    boolean on() {
        return this != NONE;
    }

    /** Sizes of the scale. */
    long[] scale(long heads, long headSize) {
        return this == LAYER_NORM_BY_HEAD ? new long[] {heads, headSize} : new long[] {headSize};
    }

    Norm kind() {
        return this == RMS_NORM ? Norm.RMS_NORM : Norm.LAYER_NORM;
    }
}
