package dev.holdfast.nn.lm;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Rotary positions (Su et al., RoFormer, arXiv 2104.09864) in the layout of published Llama checkpoints: entry j of the
 * first half of a head turns together with entry j of the second half, by position * theta^(-2j/d).
 *
 * @param theta base of the frequencies, > 1
 * @param scaling how a context is stretched beyond the one that was trained
 */
public record Rope(double theta, Scaling scaling) {
    /** How frequencies or positions are stretched. */
    public sealed interface Scaling {}

    /** As trained. */
    public record None() implements Scaling {}

    /** Positions are divided by {@code factor} (Chen et al., arXiv 2306.15595). */
    public record Linear(double factor) implements Scaling {
        public Linear {
            requirePositive("factor", factor);
        }
    }

    /**
     * Llama 3.1: long wavelengths are divided by {@code factor}, short ones stay, those between {@code original/high} and
     * {@code original/low} are mixed.
     *
     * @param original context that was trained
     */
    public record Llama3(double factor, double low, double high, double original) implements Scaling {
        public Llama3 {
            requirePositive("factor", factor);
            requirePositive("low_freq_factor", low);
            requirePositive("original_max_position_embeddings", original);
            if (!(high > low)) {
                throw new IllegalArgumentException(
                        "RoPE scaling llama3 needs high_freq_factor > low_freq_factor but has " + high + " and " + low
                                + ".");
            }
        }
    }

    public Rope {
        if (!(theta > 1) || Double.isInfinite(theta)) {
            throw new IllegalArgumentException(
                    "The base of rotary positions (rope_theta) must be > 1 but is " + theta + ".");
        }
    }

    /** Unscaled. */
    public static Rope of(double theta) {
        return new Rope(theta, new None());
    }

    /** Radians a position, for each of the d/2 pairs of a head of size d. */
    public double[] frequencies(int headSize) {
        double[] f = new double[headSize / 2];
        for (int j = 0; j < f.length; j++) {
            f[j] = scaled(Math.pow(theta, -2.0 * j / headSize));
        }
        return f;
    }

    private double scaled(double f) {
        if (scaling instanceof Linear s) {
            return f / s.factor;
        }
        if (scaling instanceof Llama3 s) {
            double wavelength = 2 * Math.PI / f;
            if (wavelength < s.original / s.high) {
                return f;
            }
            if (wavelength > s.original / s.low) {
                return f / s.factor;
            }
            double share = (s.original / wavelength - s.low) / (s.high - s.low);
            return (1 - share) * f / s.factor + share * f;
        }
        return f;
    }

    /** Cosines and signed sines, [...,1,d] each, so that {@link #turn} takes three operations. */
    record Table(Tensor cos, Tensor sin) {}

    /** For positions [...] (int64); made in float64, given in {@code dtype}. */
    Table table(Tensor positions, int headSize, ScalarType dtype) {
        double[] f = frequencies(headSize);
        Tensor angle = positions.to(ScalarType.Double).unsqueeze(-1).mul(Tensors.of(f, f.length));
        Tensor cos = angle.cos();
        Tensor sin = angle.sin();
        return new Table(
                Tensors.cat(-1, cos, cos).unsqueeze(-2).to(dtype),
                Tensors.cat(-1, sin.neg(), sin).unsqueeze(-2).to(dtype));
    }

    /** Turns x [B,T,heads,d]: x*[cos,cos] + [x2,x1]*[-sin,sin]. */
    static Tensor turn(Tensor x, Table t) {
        // rolling by half the size swaps the halves
        Tensor swapped = torch.roll(x, new long[] {x.size(-1) / 2}, -1);
        return x.mul(t.cos).addcmul(swapped, t.sin);
    }

    private static void requirePositive(String what, double v) {
        if (!(v > 0) || Double.isInfinite(v)) {
            throw new IllegalArgumentException("RoPE scaling needs " + what + " > 0 but it is " + v + ".");
        }
    }
}
