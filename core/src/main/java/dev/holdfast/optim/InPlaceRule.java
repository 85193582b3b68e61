package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;
import java.util.function.Supplier;

/**
 * A rule that can move the leaves itself, reading and writing each number once, where {@link #direction} would first
 * write the direction down. Its direction must not depend on the values of the leaves, for decay may act before it.
 */
public interface InPlaceRule extends UpdateRule {
    /** Whether {@link #advance} can take this gradient; if not, {@link #direction} is to be called. */
    boolean fits(ParamVector g);

    /**
     * Moves the moments as {@link #direction} does and adds {@code -rates[i] * u_i} to every leaf i that has a gradient.
     *
     * @return works the direction u out again; to be asked before the moments move on
     */
    Supplier<ParamVector> advance(ParamVector g, double[] rates);
}
