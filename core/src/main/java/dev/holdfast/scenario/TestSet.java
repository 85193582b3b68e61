package dev.holdfast.scenario;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import java.util.Optional;

/**
 * What a task is scored on.
 *
 * @param classes the classes among which a learner chooses when the task id is given at test time
 * @param probe labelled rows of a downstream task: not the learner's own prediction is scored but what a linear probe makes
 *     of its features, fitted to these rows; empty for ordinary tasks
 */
@Frozen
public record TestSet(int task, String name, Dataset data, ClassIndex classes, Optional<Dataset> probe) {
    public TestSet {
        if (data.size() == 0 || probe.map(p -> p.size() == 0).orElse(false)) {
            throw new IllegalArgumentException("The " + (data.size() == 0 ? "test set" : "probe") + " of task " + task
                    + " ('" + name + "') has no rows.\nMaybe the test share is too small for its classes.");
        }
    }

    /** An ordinary task. */
    public TestSet(int task, String name, Dataset data, ClassIndex classes) {
        this(task, name, data, classes, Optional.empty());
    }
}
