package dev.holdfast.nn.hyper;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * How a condition gamma in [0,1]^d enters a hypernetwork (Ortiz et al., <i>Magnitude Invariant Parametrizations Improve
 * Hypernetwork Learning</i>, arXiv 2304.07645, section 4). Where the length of the input moves with gamma, so does the
 * size of all that is generated; COS_SIN keeps it at sqrt(d).
 */
public enum MagnitudeEncoding {
    /** [cos(pi gamma / 2), sin(pi gamma / 2)]: all cosines, then all sines; squared length d for every gamma. */
    COS_SIN,
    /** gamma itself: the usual parametrization. */
    IDENTITY,
    /** [gamma, 1 - gamma]. */
    LINEAR,
    /** gamma / |gamma|: constant length, but the radius is lost; needs d >= 2. */
    UNIT_NORM;

    /** Width of the encoding of d numbers. */
    public long width(long d) {
        return this == COS_SIN || this == LINEAR ? 2 * d : d;
    }

    /** [n,d] to [n,width(d)]. */
    public Tensor encode(Tensor gamma) {
        return switch (this) {
            case COS_SIN -> {
                Tensor angle = gamma.mul(Tensors.scalar(Math.PI / 2));
                yield Tensors.cat(1, angle.cos(), angle.sin());
            }
            case IDENTITY -> gamma;
            case LINEAR -> Tensors.cat(1, gamma, gamma.neg().add(Tensors.scalar(1)));
            case UNIT_NORM -> {
                Tensor norm = gamma.square()
                        .sum(new long[] {1}, true, new org.bytedeco.pytorch.ScalarTypeOptional())
                        .sqrt();
                yield gamma.div(torch.clamp_min(norm, Tensors.scalar(1e-12)));
            }
        };
    }
}
