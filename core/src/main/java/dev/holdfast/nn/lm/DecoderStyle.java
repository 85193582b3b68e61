package dev.holdfast.nn.lm;

import dev.holdfast.config.Records;

/**
 * Of what kind the parts of a decoder are.
 *
 * @param norm of the residual stream before attention, before the feed-forward layers and before the output
 * @param feedForward the layers between two attentions
 * @param attentionScale what a product of query and key is multiplied by
 * @param initialisation how a fresh decoder's weights are drawn
 */
public record DecoderStyle(
        Norm norm, FeedForward feedForward, AttentionScale attentionScale, Initialisation initialisation) {
    /** As published checkpoints of the Llama family have it. */
    public static final DecoderStyle LLAMA =
            new DecoderStyle(Norm.RMS_NORM, FeedForward.GATED_SILU, AttentionScale.ROOT, new Initialisation.Fixed());

    /** As in arXiv 2309.14322: LayerNorm without bias, GELU, weights of deviation 1/sqrt(fan-in). */
    public static final DecoderStyle PLAIN =
            new DecoderStyle(Norm.LAYER_NORM, FeedForward.GELU, AttentionScale.ROOT, new Initialisation.FanIn());

    /** What a norm divides by, and what it takes away first; with a scale, without a bias. */
    public enum Norm {
        /** w * x / sqrt(mean(x^2) + eps): Zhang and Sennrich, arXiv 1910.07467. */
        RMS_NORM,
        /** w * (x - mean(x)) / sqrt(variance(x) + eps): Ba et al., arXiv 1607.06450. */
        LAYER_NORM
    }

    /** The layers between two attentions. */
    public enum FeedForward {
        /** down(SiLU(gate(x)) * up(x)): Shazeer, arXiv 2002.05202. */
        GATED_SILU,
        /** down(GELU(up(x))). */
        GELU
    }

    /** What a product of query and key is multiplied by. */
    public enum AttentionScale {
        /** 1/sqrt(head size). */
        ROOT,
        /** 1/head size (Yang et al., arXiv 2203.03466, definition 4.1). */
        INVERSE;

        double of(int headSize) {
            return this == ROOT ? 1 / Math.sqrt(headSize) : 1.0 / headSize;
        }
    }

    /** How fresh weights are drawn; norms are 1 and biases 0 in any case. */
    public sealed interface Initialisation {
        /**
         * Normal with one deviation; maps that write into the residual stream have it divided by sqrt(2 layers).
         *
         * @param deviation > 0
         */
        record Fixed(double deviation) implements Initialisation {
            public Fixed {
                if (!(deviation > 0) || Double.isInfinite(deviation)) {
                    throw new IllegalArgumentException(
                            "The deviation of fresh weights must be > 0 but is " + deviation + ".");
                }
            }

            /** 0.02. */
            public Fixed() {
                this(0.02);
            }
        }

        /** Normal, cut off at two deviations; deviation 1/sqrt(fan-in), of the embedding 1/sqrt(width). */
        record FanIn() implements Initialisation {}

        /**
         * As {@link FanIn}, but queries start at 0 and the output layer with sqrt(base) / fan-in, which is the same at the base
         * width: "full" muParam of arXiv 2309.14322, after arXiv 2203.03466.
         *
         * @param baseFanIn width at which rates were tuned, >= 1
         */
        record MuParam(long baseFanIn) implements Initialisation {
            public MuParam {
                if (baseFanIn < 1) {
                    throw new IllegalArgumentException(
                            "The base fan-in of muParam must be >= 1 but is " + baseFanIn + ".");
                }
            }
        }
    }

    /** The same with other fresh weights. */
    public DecoderStyle withInitialisation(Initialisation i) {
        return Records.with(this, "initialisation", i);
    }

    /** The same with another attention scale. */
    public DecoderStyle withAttentionScale(AttentionScale s) {
        return Records.with(this, "attentionScale", s);
    }

    /** "Full" muParam: scale 1/head size, queries at 0, a smaller output layer. Rates go by {@code optim.MuParam}. */
    public DecoderStyle muParam(long baseFanIn) {
        return withAttentionScale(AttentionScale.INVERSE).withInitialisation(new Initialisation.MuParam(baseFanIn));
    }
}
