package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Parameters;

/** Puts leaves back to where they may be after a move: clamps, orthonormalises, renormalises. */
@Frozen
public interface Constraint {
    /** Changes leaves in place; {@code step} is the number of updates made so far. */
    void apply(Parameters p, long step);
}
