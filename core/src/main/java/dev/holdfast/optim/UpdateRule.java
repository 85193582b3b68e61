package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * From a gradient to a direction u; the {@link Optimizer} adds {@code -rate * u} and the decay. A leaf whose gradient
 * is null has no direction, and its moments and counters stay as they are.
 *
 * <p>One writer; not for use from two threads.
 */
@Frozen
public interface UpdateRule extends Stateful {
    /** The direction; moves the moments. {@code g} is untouched, and the result must not be changed by the caller. */
    ParamVector direction(ParamVector g, StepContext c);

    /** A rule with the same moments that shares nothing with this one. */
    UpdateRule copy();

    /** The live moments by name; read-only. */
    Map<String, ParamVector> moments();

    /**
     * What each entry of the gradient is divided by, for rules that scale entries (Adam); empty for those that do not, and
     * before the first update. In the caller's scope.
     */
    default Optional<ParamVector> preconditioner() {
        return Optional.empty();
    }

    /**
     * The curvature, times the rate, above which full-batch training oscillates on a quadratic, in units of the {@link
     * #preconditioner} where there is one; NaN where that is not known.
     */
    default double stabilityLimit() {
        return Double.NaN;
    }

    /**
     * Goes on with other leaves: moments follow a leaf by identity, or from {@code before} to {@code after} with zeros
     * for the new entries; leaves that are new start without moments.
     */
    void rebind(Parameters now, List<Resized> grown);
}
