package dev.holdfast.scenario;

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
 */
public record Experience(int index, int task, DataSource train, ClassIndex classes, boolean boundaryKnown, Pace pace) {
    public Experience {
        if (train.size() == 0) {
            throw new IllegalArgumentException("Experience " + index + " (task " + task + ") has no training rows.");
        }
    }
}
