package dev.holdfast.nn;

import dev.holdfast.config.Frozen;

/** A part of a net with equal input and output width, around which modules can be put. */
@Frozen
public interface Span {
    String name();

    Kind kind();

    /** Width of input and output. */
    long width();

    /** The norm applied after the branch was added, or null (pre-norm nets have none). */
    Layer norm();

    /** Puts a module at its point of this span; it becomes part of the net. */
    void insert(SpanModule m);

    /** An attention or feed-forward branch with its residual; a block; all blocks. */
    enum Kind {
        SUBLAYER,
        LAYER,
        STACK
    }
}
