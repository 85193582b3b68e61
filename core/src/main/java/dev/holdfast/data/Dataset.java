package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;

/** Rows in memory, in a fixed order, that can be read again and again. Immutable; safe from any thread. */
@Frozen
public interface Dataset extends DataSource {
    /** The rows at these positions, in the caller's scope. */
    Batch rows(int... positions);

    /** The targets of all rows, in order, in the caller's scope. */
    Target target();

    /** Stable id of the row at a position. */
    long id(int position);

    /** These positions as a set of their own; ids stay. */
    Dataset subset(int... positions);

    /** Changes if and only if the content changes; names caches. */
    String fingerprint();

    @Override
    default boolean rereadable() {
        return true;
    }

    /** Class id of every row; refused for other kinds of target. */
    default long[] classIds() {
        try (Scope s = Scope.open()) {
            if (target() instanceof Target.ClassIds c) {
                return Tensors.longs(c.ids());
            }
            throw new IllegalArgumentException("Expected rows with one class each but the target is "
                    + schema().target().getSimpleName() + ".");
        }
    }
}
