package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.LabelTree;
import dev.holdfast.data.Prediction;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Scope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** Share of rows whose class a learner names, among the classes of its level where there is a hierarchy. */
final class Accuracy {
    static final int CHUNK = 1000;

    private Accuracy() {}

    /**
     * Accuracy on a test set; NaN when no class that competes has a score yet.
     *
     * @param taskKnown only the test set's classes compete, and a task-aware learner is told the task
     */
    static double of(Learner learner, TestSet test, boolean taskKnown) {
        int n = Math.toIntExact(test.data().size());
        int right = 0;
        for (int from = 0; from < n; from += CHUNK) {
            try (Scope s = Scope.open()) {
                int r = right(
                        learner,
                        test.data()
                                .rows(IntStream.range(from, Math.min(n, from + CHUNK))
                                        .toArray()),
                        test,
                        taskKnown);
                if (r < 0) {
                    return Double.NaN;
                }
                right += r;
            }
        }
        return right / (double) n;
    }

    /** As {@code of}, on some rows of the test set. */
    static double of(Learner learner, List<Batch> rows, TestSet test, boolean taskKnown) {
        int right = 0;
        int n = 0;
        for (Batch b : rows) {
            try (Scope s = Scope.open()) {
                int r = right(learner, b, test, taskKnown);
                if (r < 0) {
                    return Double.NaN;
                }
                right += r;
                n += b.size();
            }
        }
        return right / (double) n;
    }

    /** Rows whose class is named; -1 when no class that competes has a score yet. */
    private static int right(Learner learner, Batch rows, TestSet test, boolean taskKnown) {
        Prediction p = taskKnown && learner instanceof TaskAware aware
                ? aware.predict(rows.inputs(), test.task())
                : learner.predict(rows.inputs());
        if (taskKnown
                && p.columns().columns().stream().noneMatch(c -> test.classes().columnOf(c.classId()) >= 0)) {
            return -1;
        }
        long[] truth = rows.classIds();
        if (test.data().schema().tree().isPresent()) {
            return rightAtLevels(p, truth, test, taskKnown);
        }
        int[] said = taskKnown ? p.classes(c -> test.classes().columnOf(c.classId()) >= 0) : p.classes();
        int right = 0;
        for (int i = 0; i < said.length; i++) {
            right += said[i] == truth[i] ? 1 : 0;
        }
        return right;
    }

    /** The same where a class competes with those of its level only; a level without a column is named wrongly. */
    private static int rightAtLevels(Prediction p, long[] truth, TestSet test, boolean taskKnown) {
        LabelTree tree = test.data().schema().tree().orElseThrow();
        Map<Integer, int[]> saidAt = new HashMap<>();
        int right = 0;
        for (long y : truth) {
            saidAt.computeIfAbsent(tree.level((int) y), h -> {
                Predicate<ClassIndex.Column> rivals =
                        c -> c.level() == h && (!taskKnown || test.classes().columnOf(c.classId()) >= 0);
                boolean none = p.columns().columns().stream().noneMatch(rivals);
                return none ? new int[0] : p.classes(rivals);
            });
        }
        for (int i = 0; i < truth.length; i++) {
            int[] said = saidAt.get(tree.level((int) truth[i]));
            right += said.length > 0 && said[i] == truth[i] ? 1 : 0;
        }
        return right;
    }
}
