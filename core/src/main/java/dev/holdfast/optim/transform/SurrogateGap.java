package dev.holdfast.optim.transform;

import dev.holdfast.tensor.ParamVector;

/**
 * Goes down the perturbed loss and at the same time narrows its gap to the loss itself: with g the gradient here and
 * g_p the gradient at the perturbed leaves, g is split into a part along g_p and g_perp orthogonal to it, and the
 * direction is {@code g_p - alpha g_perp}. Climbing along g_perp leaves the perturbed loss as it is, to first order, and
 * raises the loss here towards it.
 *
 * <p>Zhuang et al.: <i>Surrogate Gap Minimization Improves Sharpness-Aware Training</i>, arXiv 2203.08065, algorithm 1.
 * All norms and products are over all leaves together. Immutable; safe from any thread.
 *
 * @param alpha strength of the gap's term, >= 0; 0 = sharpness-aware minimisation as it is
 */
public record SurrogateGap(double alpha) {
    private static final double EPS = 1e-12;

    public SurrogateGap {
        if (!(alpha >= 0) || Double.isInfinite(alpha)) {
            throw new IllegalArgumentException(
                    "The strength of the surrogate gap must be finite and >= 0 but is " + alpha + ".");
        }
    }

    /**
     * @param cosine of the angle between the two gradients
     * @param orthogonal g_perp
     * @param direction what the update rule is to see
     */
    public record Split(double cosine, ParamVector orthogonal, ParamVector direction) {}

    /** Splits the gradient {@code g} by the gradient {@code perturbed} of the perturbed leaves. */
    public Split split(ParamVector g, ParamVector perturbed) {
        double norm = g.norm();
        double perturbedNorm = perturbed.norm();
        double cosine = g.dot(perturbed) / (norm * perturbedNorm + EPS);
        ParamVector orthogonal = g.plus(-cosine * norm / (perturbedNorm + EPS), perturbed);
        return new Split(cosine, orthogonal, alpha == 0 ? perturbed : perturbed.plus(-alpha, orthogonal));
    }
}
