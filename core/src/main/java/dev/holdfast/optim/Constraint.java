package dev.holdfast.optim;

import dev.holdfast.tensor.Parameters;

/** After the move: clamp (56), orthonormalise, clip latents (54). */
public interface Constraint {
    void apply(Parameters p, long step);
}
