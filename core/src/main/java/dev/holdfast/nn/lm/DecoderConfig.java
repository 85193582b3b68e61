package dev.holdfast.nn.lm;

import dev.holdfast.config.Records;
import dev.holdfast.nn.Blueprint;
import dev.holdfast.tensor.Rng;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Shape of a decoder-only language model: by default of the Llama family (Touvron et al., arXiv 2302.13971; Jiang et al.,
 * Mistral 7B, arXiv 2310.06825; Qwen2, arXiv 2407.10671; Qwen3, arXiv 2505.09388), or of another {@link DecoderStyle}.
 *
 * @param vocabulary number of token ids
 * @param hidden width of the residual stream
 * @param intermediate width of the feed-forward layers
 * @param layers number of blocks
 * @param heads query heads
 * @param kvHeads key and value heads, a divisor of {@code heads}; query head i reads head i*kvHeads/heads
 * @param headSize size of a head, even; heads*headSize may differ from {@code hidden}
 * @param normEps added to mean squares in norms
 * @param rope rotary positions
 * @param window tokens that a token sees, itself included; 0 = all before it
 * @param qkNorm how queries and keys are normed by head before they are turned
 * @param qkvBias biases of queries, keys and values
 * @param outputBias bias of the attention's output
 * @param mlpBias biases of the feed-forward layers
 * @param tied the output layer is the embedding table
 * @param context most positions
 * @param style kinds of norms and feed-forward layers, attention scale, fresh weights
 */
public record DecoderConfig(
        int vocabulary,
        int hidden,
        int intermediate,
        int layers,
        int heads,
        int kvHeads,
        int headSize,
        double normEps,
        Rope rope,
        int window,
        QkNorm qkNorm,
        boolean qkvBias,
        boolean outputBias,
        boolean mlpBias,
        boolean tied,
        int context,
        DecoderStyle style)
        implements Blueprint<Decoder> {
    public DecoderConfig {
        requirePositive("vocabulary", vocabulary);
        requirePositive("hidden", hidden);
        requirePositive("intermediate", intermediate);
        requirePositive("layers", layers);
        requirePositive("heads", heads);
        requirePositive("kvHeads", kvHeads);
        requirePositive("headSize", headSize);
        requirePositive("context", context);
        if (heads % kvHeads != 0) {
            throw new IllegalArgumentException("A decoder's query heads must be a multiple of its key and value heads"
                    + " but there are " + heads + " and " + kvHeads + ".");
        }
        if (headSize % 2 != 0) {
            throw new IllegalArgumentException(
                    "Rotary positions turn pairs, so a head must have an even size; it has " + headSize + ".");
        }
        if (!(normEps >= 0) || Double.isInfinite(normEps)) {
            throw new IllegalArgumentException("normEps must be >= 0 but is " + normEps + ".");
        }
        if (window < 0) {
            throw new IllegalArgumentException("A sliding window must be >= 0 (0 = none) but is " + window + ".");
        }
    }

    /**
     * A small model to train from nothing: plain attention, feed-forward layers 8/3 as wide as the stream (rounded up to
     * a multiple of 8), tied output, no biases, eps 1e-6, theta 1e4, 512 positions.
     */
    public static DecoderConfig of(int vocabulary, int hidden, int layers, int heads) {
        if (heads < 1 || hidden % heads != 0) {
            throw new IllegalArgumentException("A width of " + hidden + " cannot be split into " + heads + " heads.");
        }
        int intermediate = (hidden * 8 / 3 + 7) / 8 * 8;
        return new DecoderConfig(
                vocabulary,
                hidden,
                intermediate,
                layers,
                heads,
                heads,
                hidden / heads,
                1e-6,
                Rope.of(1e4),
                0,
                QkNorm.NONE,
                false,
                false,
                false,
                true,
                512,
                DecoderStyle.LLAMA);
    }

    /**
     * A small model as arXiv 2309.14322 trains them: LayerNorm, GELU layers four times as wide as the stream, no biases, an
     * output layer of its own, eps 1e-6, theta 1e4.
     */
    public static DecoderConfig plain(int vocabulary, int hidden, int layers, int headSize, int context) {
        if (headSize < 1 || hidden % headSize != 0) {
            throw new IllegalArgumentException(
                    "A width of " + hidden + " cannot be split into heads of size " + headSize + ".");
        }
        return new DecoderConfig(
                vocabulary,
                hidden,
                4 * hidden,
                layers,
                hidden / headSize,
                hidden / headSize,
                headSize,
                1e-6,
                Rope.of(1e4),
                0,
                QkNorm.NONE,
                false,
                false,
                false,
                false,
                context,
                DecoderStyle.PLAIN);
    }

    /** The same with another number of key and value heads. */
    public DecoderConfig withKvHeads(int n) {
        return Records.with(this, "kvHeads", n);
    }

    /** The same with another sliding window, 0 = none. */
    public DecoderConfig withWindow(int tokens) {
        return Records.with(this, "window", tokens);
    }

    /** The same with queries and keys normed in another way. */
    public DecoderConfig withQkNorm(QkNorm how) {
        return Records.with(this, "qkNorm", how);
    }

    /** The same of another style. */
    public DecoderConfig withStyle(DecoderStyle s) {
        return Records.with(this, "style", s);
    }

    /** The same with an output layer of its own (false) or the embedding's (true). */
    public DecoderConfig withTied(boolean on) {
        return Records.with(this, "tied", on);
    }

    /** The same with other rotary positions. */
    public DecoderConfig withRope(Rope r) {
        return Records.with(this, "rope", r);
    }

    /** The same for other numbers of positions. */
    public DecoderConfig withContext(int positions) {
        return Records.with(this, "context", positions);
    }

    /** A fresh decoder, its weights drawn as the style says. */
    @Override
    public Decoder build(Rng rng, ScalarType dtype) {
        return Decoder.fresh(this, rng, dtype);
    }

    private static void requirePositive(String what, int v) {
        if (v < 1) {
            throw new IllegalArgumentException("A decoder needs " + what + " >= 1 but it is " + v + ".");
        }
    }
}
