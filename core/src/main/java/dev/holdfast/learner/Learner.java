package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Stateful;

/**
 * Anything that learns from a stream and can predict at any moment.
 *
 * <p><b>Promises</b>, tested for every learner by the conformance kit: what it becomes is a function of (configuration,
 * schema, seed, rows in order); {@link #learn} refuses a bad batch with a clear error and is then, to the bit, what it
 * was; {@link #predict} changes nothing; {@code load(state())} at any step continues with the same bits; {@link
 * #capabilities} are honest.
 *
 * <p><b>Threads</b>: one thread learns; any number may predict meanwhile.
 *
 * <p><b>Memory</b>: the caller opens a {@link dev.holdfast.tensor.Scope} around each call and owns what is returned.
 */
@Frozen
public interface Learner extends Stateful, AutoCloseable {
    /** What the learner needs and can do; fixed for its life. */
    Capabilities capabilities();

    /**
     * A new part of the stream begins; called only where boundaries are announced. The experience may be kept no longer
     * than the call: everything that {@link #learn} needs of it must be part of the state.
     */
    default void begin(Experience e) {}

    /** Learns from rows that arrive now. */
    StepReport learn(Batch b);

    /** The part announced by the last {@link #begin} is over. */
    default void end(Experience e) {}

    /** One score for every class seen so far, for each row; before any class was seen an error. */
    Prediction predict(Inputs x);

    /** What the learner holds. */
    Footprint footprint();

    @Override
    default void close() {}
}
