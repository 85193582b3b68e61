package dev.holdfast.scenario;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Pace;

/**
 * One part of the stream.
 *
 * @param index position in the stream, from 0
 * @param task task id, equal for parts that share test data
 * @param train its rows; may allow one pass only
 * @param classes the classes that its rows may have
 * @param boundaryKnown false: the learner is not told that a new part begins or ends, nor its task
 * @param pace how its rows are dealt
 * @param protocol what happens to each batch of rows
 */
@Frozen
public record Experience(
        int index,
        int task,
        DataSource train,
        ClassIndex classes,
        boolean boundaryKnown,
        Pace pace,
        Protocol protocol) {
    /** What happens to a batch. */
    public enum Protocol {
        /** Learnt. */
        TRAIN,
        /** Predicted and scored, then learnt with its labels (prequential evaluation). */
        TEST_THEN_TRAIN,
        /** Predicted and scored; then the learner gets the inputs, never the labels. */
        TEST_THEN_ADAPT;

        /** Whether rows are scored before they are given to the learner. */
        public boolean scored() {
            return this != TRAIN;
        }
    }

    /** Rows to be learnt. */
    public Experience(int index, int task, DataSource train, ClassIndex classes, boolean boundaryKnown, Pace pace) {
        this(index, task, train, classes, boundaryKnown, pace, Protocol.TRAIN);
    }

    /** The same rows under another source. */
    public Experience withTrain(DataSource rows) {
        return new Experience(index, task, rows, classes, boundaryKnown, pace, protocol);
    }

    public Experience {
        if (train.size() == 0) {
            throw new IllegalArgumentException("Experience " + index + " (task " + task + ") has no training rows.");
        }
    }
}
