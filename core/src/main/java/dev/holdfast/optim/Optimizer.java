package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import java.util.function.Supplier;

/**
 * Moves leaves along a gradient. A gradient that is not finite is refused and counted, and nothing changes: neither
 * leaves nor moments nor the step counter.
 *
 * <p>One writer; not for use from two threads. Call it inside a {@link dev.holdfast.tensor.Scope}: what {@link #step}
 * returns belongs to that scope.
 */
@Frozen
public interface Optimizer extends Stateful {
    /** One update. {@code again} re-evaluates the same batch at the present values; null where no transform asks for it. */
    Step step(ParamVector g, Supplier<Evaluated> again);

    /** One update, for chains whose transforms never look at the batch again. */
    default Step step(ParamVector g) {
        return step(g, null);
    }

    /** The move that {@link #step} would make now; changes nothing. */
    ParamVector peek(ParamVector g);

    /** Swaps leaves for grown ones; the moments of new entries are zero. */
    void resize(List<Resized> grown);

    /** As {@link #resize}, where leaves also came or went. */
    void rebind(Parameters now, List<Resized> grown);

    Parameters parameters();
}
