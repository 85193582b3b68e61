package dev.holdfast.bilevel;

import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import org.bytedeco.pytorch.Tensor;

/**
 * Something that is tuned on top of training: upper variables x are chosen so that the lower variables y that training
 * finds with them do well, {@code min_x f(x, y*(x))} with {@code y*(x) = argmin_y g(x, y)}.
 *
 * <p>g should be strongly convex in y, for instance by weight decay. Both losses are read at the live values of the
 * leaves and must be twice differentiable there; dropout or batch statistics would give every product another curvature.
 * The leaves must be of one dtype. One thread at a time.
 *
 * @param <B> what a loss is evaluated on
 */
public interface BilevelProblem<B> {
    /** The leaves x, for example one number a training row. */
    Parameters upper();

    /** The leaves y, for example a network. */
    Parameters lower();

    /** The training loss g, one number with a graph, in the caller's scope. */
    Tensor lowerLoss(B batch);

    /** The loss f that counts in the end, one number with a graph, in the caller's scope. */
    Tensor upperLoss(B batch);

    /** Draws what g is evaluated on. */
    B lowerBatch(Rng rng);

    /** Draws what f is evaluated on. */
    B upperBatch(Rng rng);
}
