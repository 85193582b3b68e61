package dev.holdfast.scenario;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;

/**
 * What a task is scored on.
 *
 * @param classes the classes among which a learner chooses when the task id is given at test time
 */
@Frozen
public record TestSet(int task, String name, Dataset data, ClassIndex classes) {
    public TestSet {
        if (data.size() == 0) {
            throw new IllegalArgumentException("The test set of task " + task + " ('" + name
                    + "') has no rows.\nMaybe the test share is too small for its classes.");
        }
    }
}
