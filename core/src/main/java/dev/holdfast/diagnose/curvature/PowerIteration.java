package dev.holdfast.diagnose.curvature;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * The eigenvalue of largest magnitude, with its sign, by applying a symmetric operator again and again: for operators
 * whose basis does not fit into memory; {@link Lanczos} gets there in fewer products. Pure; safe from any thread.
 */
public final class PowerIteration {
    private PowerIteration() {}

    /** Rayleigh quotients v'Av/v'v before each of {@code steps} products, the last one the best [steps]. */
    public static double[] rayleigh(LinearOperator a, Tensor start, int steps) {
        if (steps < 1) {
            throw new IllegalArgumentException("Power iteration needs steps >= 1 but has " + steps + ".");
        }
        Tensors.requireShape("start of power iteration", start, a.size());
        double[] quotients = new double[steps];
        try (Scope s = Scope.open()) {
            Tensor v = unit(start, 0);
            for (int t = 0; t < steps; t++) {
                Tensor w = a.apply(v);
                quotients[t] = Tensors.item(v.dot(w));
                v = unit(w, t + 1);
            }
        }
        return quotients;
    }

    private static Tensor unit(Tensor v, int step) {
        double length = Tensors.item(v.norm());
        if (!(length > 0) || Double.isInfinite(length)) {
            throw new IllegalArgumentException(
                    "After " + step + " products of power iteration the vector's length is " + length
                            + "; expected > 0 and finite.\nMaybe the start is 0 or orthogonal to the operator's range.");
        }
        return v.div(Tensors.scalar(length));
    }
}
