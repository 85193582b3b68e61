package dev.holdfast.nn.layer;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.hipparchus.special.Erf;

/** How fresh weights are drawn. Every scheme is also a pure function of uniform draws in [0,1). */
public enum Init {
    /**
     * Uniform in +-1/sqrt(fanIn), biases too: He et al., arXiv 1502.01852, with the gain of a leaky slope sqrt(5), which
     * is what PyTorch's layers start from.
     */
    KAIMING_UNIFORM,
    /** Normal with variance 2/fanIn, biases 0 (He et al., arXiv 1502.01852, eq. 10). */
    KAIMING_NORMAL,
    /** Uniform in +-sqrt(6/(fanIn+fanOut)), biases 0 (Glorot and Bengio 2010, eq. 16). */
    GLOROT_UNIFORM,
    /** Normal with variance 2/(fanIn+fanOut), biases 0 (Glorot and Bengio 2010). */
    GLOROT_NORMAL,
    /** Normal with deviation 0.02, cut off at two deviations, biases 0: the usual start of transformers. */
    TRUNCATED_NORMAL;

    /** A fresh weight; the numbers are drawn from {@code rng} at its position. */
    public Tensor weight(long fanIn, long fanOut, Rng rng, ScalarType dtype, long... shape) {
        return weight(fanIn, fanOut, rng.uniform(dtype, shape));
    }

    /** As above from given uniform draws, in their shape and type. */
    public Tensor weight(long fanIn, long fanOut, Tensor uniform) {
        return switch (this) {
            case KAIMING_UNIFORM -> symmetric(uniform, 1 / Math.sqrt(Math.max(1, fanIn)));
            case KAIMING_NORMAL -> normal(uniform, Math.sqrt(2.0 / Math.max(1, fanIn)), Double.POSITIVE_INFINITY);
            case GLOROT_UNIFORM -> symmetric(uniform, Math.sqrt(6.0 / (fanIn + fanOut)));
            case GLOROT_NORMAL -> normal(uniform, Math.sqrt(2.0 / (fanIn + fanOut)), Double.POSITIVE_INFINITY);
            case TRUNCATED_NORMAL -> normal(uniform, 0.02, 2);
        };
    }

    /** A fresh bias of a layer with this fan-in. */
    public Tensor bias(long fanIn, Rng rng, ScalarType dtype, long size) {
        return this == KAIMING_UNIFORM ? weight(fanIn, size, rng, dtype, size) : Tensors.zeros(dtype, size);
    }

    private static Tensor symmetric(Tensor uniform, double bound) {
        return uniform.mul(Tensors.scalar(2 * bound)).sub(Tensors.scalar(bound));
    }

    /** Normal numbers by the inverse distribution function, cut off at {@code cut} deviations. */
    private static Tensor normal(Tensor uniform, double deviation, double cut) {
        try (var s = Scope.open()) {
            Tensor u = uniform.to(ScalarType.Double);
            // half a step off 0, where the inverse is minus infinity
            double low = cut < 10 ? cdf(-cut) : 0x1p-54;
            Tensor p = u.mul(Tensors.scalar(1 - 2 * low)).add(Tensors.scalar(low));
            Tensor z = torch.erfinv(p.mul(Tensors.scalar(2)).sub(Tensors.scalar(1)))
                    .mul(Tensors.scalar(deviation * Math.sqrt(2)));
            return s.keep(z.to(uniform.scalar_type()));
        }
    }

    private static double cdf(double x) {
        return 0.5 * Erf.erfc(-x / Math.sqrt(2));
    }
}
