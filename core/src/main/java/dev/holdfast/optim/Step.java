package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;
import java.util.function.Supplier;

/**
 * What one update did. The move is worked out when it is first asked for, since most learners never look at it: ask
 * before the leaves move again. Belongs to the thread and the scope of the update.
 */
@Frozen
public final class Step {
    private final ParamVector gradient;
    private final Supplier<ParamVector> toMove;
    private final double normBefore;
    private final double normAfter;
    private final boolean skipped;
    private ParamVector move;

    /** A step whose move is worked out by {@code toMove} if somebody asks. */
    public Step(
            ParamVector gradient, Supplier<ParamVector> toMove, double normBefore, double normAfter, boolean skipped) {
        this.gradient = gradient;
        this.toMove = toMove;
        this.normBefore = normBefore;
        this.normAfter = normAfter;
        this.skipped = skipped;
    }

    /** The gradient after the transforms. */
    public ParamVector gradient() {
        return gradient;
    }

    /** What was added to the leaves, decay included; all entries null if the step was refused. */
    public ParamVector move() {
        if (move == null) {
            move = toMove.get();
        }
        return move;
    }

    /** Euclidean norm of the gradient that came in. */
    public double normBefore() {
        return normBefore;
    }

    /** Euclidean norm after the transforms. */
    public double normAfter() {
        return normAfter;
    }

    /** True if the step was refused because a number was not finite. */
    public boolean skipped() {
        return skipped;
    }
}
