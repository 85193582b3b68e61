package dev.holdfast.estimate;

import dev.holdfast.config.Doc;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Moves the prototypes of classes with few rows towards the well-known prototypes that they resemble, without training:
 *
 * <pre>{@code
 * c_n  = normalize(fresh_n),  b_j = normalize(base_j)
 * a_nj = softmax_j(tau <c_n, b_j>)
 * d_n  = normalize(sum_j a_nj b_j)
 * w_n  = (1 - alpha) c_n + alpha d_n
 * }</pre>
 *
 * w_n is not brought back to length 1; a cosine classifier does that itself.
 *
 * <p>Wang et al.: <i>Few-Shot Class-Incremental Learning via Training-Free Prototype Calibration</i> (TEEN), arXiv
 * 2312.05229, equations 5 to 8. Immutable; safe from any thread.
 *
 * @param alpha weight of the known prototypes, in [0, 1]; 0 = nearest class mean; published values are 0.5 and, on
 *     32x32 natural images, 0.1
 * @param tau how much the most similar ones count, finite and >= 0; 0 = all alike
 */
public record PrototypeCalibration(
        @Doc("weight of the base prototypes, 0 = plain class means") double alpha,
        @Doc("how much the most similar base prototypes count") double tau) {
    public PrototypeCalibration {
        if (!(alpha >= 0 && alpha <= 1)) {
            throw new IllegalArgumentException(
                    "The weight alpha of a calibration must be in [0, 1] but is " + alpha + ".");
        }
        if (!(tau >= 0) || Double.isInfinite(tau)) {
            throw new IllegalArgumentException(
                    "The temperature tau of a calibration must be finite and >= 0 but is " + tau + ".");
        }
    }

    /** The values of the published code: alpha 0.5, tau 16. */
    public static PrototypeCalibration defaults() {
        return new PrototypeCalibration(0.5, 16);
    }

    /** Similarities a [n, B]: how much each of {@code base} [B, D] counts for each of {@code fresh} [n, D]. */
    public Tensor similarities(Tensor base, Tensor fresh) {
        return unit(fresh).matmul(unit(base).t()).mul(Tensors.scalar(tau)).softmax(1);
    }

    /** Calibrated prototypes [n, D] of {@code fresh} [n, D], none of length 0; {@code base} [B, D] stays as it is. */
    public Tensor calibrate(Tensor base, Tensor fresh) {
        Tensor c = unit(fresh);
        if (alpha == 0) {
            return c;
        }
        Tensor d = unit(similarities(base, fresh).matmul(unit(base)));
        return c.mul(Tensors.scalar(1 - alpha)).add(d, Tensors.scalar(alpha));
    }

    private static Tensor unit(Tensor rows) {
        return PrototypeBank.unit(rows);
    }
}
