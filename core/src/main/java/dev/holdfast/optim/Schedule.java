package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Stateful;

/**
 * A number that changes with the update count, usually the factor on a peak rate; update 0 is the first. Serves any
 * annealed number. Schedules that react to a metric learn it through {@link #observe}.
 */
@Frozen
public interface Schedule extends Stateful {
    /** Factor of update {@code step}. */
    double at(long step);

    /** Name of the present phase, for reports. */
    default String phase(long step) {
        return "";
    }

    /** Tells a reacting schedule the latest value of its metric. */
    default void observe(double metric) {}
}
