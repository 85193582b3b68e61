package dev.holdfast.language.train;

/**
 * Data of a language model: a pure function of the step, so that a training that was resumed, or one that branched off,
 * sees what it would have seen. Safe from any thread.
 */
@FunctionalInterface
public interface TokenBatches {
    /** The batch of update {@code step}, counted from 0. */
    TokenBatch at(long step);

    /** The same from a later step on. */
    default TokenBatches from(long first) {
        return step -> at(first + step);
    }
}
