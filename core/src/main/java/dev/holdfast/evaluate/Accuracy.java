package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Prediction;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Scope;
import java.util.stream.IntStream;

/** Share of rows whose class a learner names. */
final class Accuracy {
    private static final int CHUNK = 1000;

    private Accuracy() {}

    /**
     * Accuracy on a test set; NaN when no class that competes has a score yet.
     *
     * @param taskKnown only the test set's classes compete, and a task-aware learner is told the task
     */
    static double of(Learner learner, TestSet test, boolean taskKnown) {
        Dataset data = test.data();
        int right = 0;
        for (int from = 0; from < data.size(); from += CHUNK) {
            try (Scope s = Scope.open()) {
                Batch rows = data.rows(IntStream.range(from, (int) Math.min(data.size(), from + CHUNK))
                        .toArray());
                Prediction p = taskKnown && learner instanceof TaskAware aware
                        ? aware.predict(rows.inputs(), test.task())
                        : learner.predict(rows.inputs());
                if (taskKnown
                        && p.columns().columns().stream()
                                .noneMatch(c -> test.classes().columnOf(c.classId()) >= 0)) {
                    return Double.NaN;
                }
                int[] said = taskKnown ? p.classes(c -> test.classes().columnOf(c.classId()) >= 0) : p.classes();
                long[] truth = rows.classIds();
                for (int i = 0; i < said.length; i++) {
                    right += said[i] == truth[i] ? 1 : 0;
                }
            }
        }
        return right / (double) data.size();
    }
}
