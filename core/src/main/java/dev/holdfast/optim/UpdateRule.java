package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import java.util.Map;

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
     * Goes on with other leaves: moments follow a leaf by identity, or from {@code before} to {@code after} with zeros
     * for the new entries; leaves that are new start without moments.
     */
    void rebind(Parameters now, List<Resized> grown);
}
