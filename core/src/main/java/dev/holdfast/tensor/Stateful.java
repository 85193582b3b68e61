package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;

/**
 * Anything that moves and can be saved: {@code b.load(a.state())} makes b behave like a to the bit, and load copies,
 * so that the two share nothing afterwards.
 */
@Frozen
public interface Stateful {
    /** The present state; may share memory with this object. */
    State state();

    /** Takes over a saved state, or refuses it with a clear error and changes nothing. */
    void load(State saved);
}
