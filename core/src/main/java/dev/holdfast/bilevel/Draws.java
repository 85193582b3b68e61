package dev.holdfast.bilevel;

import dev.holdfast.tensor.Rng;

/**
 * Which batches a bilevel run meets, by place in the run, so that a run can be repeated or given its noise.
 *
 * @param <B> what a loss is evaluated on
 */
public interface Draws<B> {
    /** Batch of g for step k before the run starts. */
    B refinement(int k);

    /** Batch of g for step k of the lower update in outer step t. */
    B inner(long t, int k);

    /** Batch of g for the q-th product with its curvature in outer step t; 0 is also the one of the cross product. */
    B curvature(long t, int q);

    /** Batch of f in outer step t. */
    B upper(long t);

    /** Draws of the problem's own, each from a child of {@code rng}. */
    static <B> Draws<B> of(BilevelProblem<B> problem, Rng rng) {
        return new Draws<>() {
            @Override
            public B refinement(int k) {
                return problem.lowerBatch(rng.child("refinement", k));
            }

            @Override
            public B inner(long t, int k) {
                return problem.lowerBatch(rng.child("inner", t, k));
            }

            @Override
            public B curvature(long t, int q) {
                return problem.lowerBatch(rng.child("curvature", t, q));
            }

            @Override
            public B upper(long t) {
                return problem.upperBatch(rng.child("upper", t));
            }
        };
    }
}
