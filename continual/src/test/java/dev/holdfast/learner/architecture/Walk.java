package dev.holdfast.learner.architecture;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import java.util.List;

/** Six clouds of vectors in three tasks of two, gone through part by part. */
final class Walk {
    static final int WIDTH = 5;
    private static final MemoryDataset TRAIN = Clouds.of(6, 20, WIDTH, 3, "train");
    static final MemoryDataset TEST = Clouds.of(6, 5, WIDTH, 3, "test");

    private final Scenario scenario = ClassIncremental.of(
            new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, true, Dealing.offline(4, 5)),
            TRAIN,
            TEST,
            Rng.of(1));

    List<Experience> parts() {
        return scenario.experiences();
    }

    static dev.holdfast.data.Schema schema() {
        return TRAIN.schema();
    }

    /** Begin, all batches; the end is left to the caller. */
    void learn(Learner l, int part) {
        Experience e = parts().get(part);
        try (Scope s = Scope.open()) {
            l.begin(e);
        }
        Loader rows = e.train().batches(e.pace(), Rng.of(7).child("rows", part));
        while (rows.hasNext()) {
            try (Scope s = Scope.open()) {
                l.learn(rows.next().withTask(e.task()));
            }
        }
    }

    void end(Learner l, int part) {
        try (Scope s = Scope.open()) {
            l.end(parts().get(part));
        }
    }

    void whole(Learner l, int part) {
        learn(l, part);
        end(l, part);
    }

    /** Test rows of a task. */
    static Batch rows(int task) {
        return TEST.rows(java.util.stream.IntStream.range(0, 30)
                .filter(i -> i % 6 / 2 == task)
                .toArray());
    }

    /** Scores of the task's two classes for its test rows. */
    static double[] scores(TaskAware l, int task) {
        try (Scope s = Scope.open()) {
            var p = l.predict(rows(task).inputs(), task);
            int[] own = {p.columns().columnOf(2 * task, task), p.columns().columnOf(2 * task + 1, task)};
            return Tensors.doubles(p.scores().index_select(1, Tensors.ids(own)));
        }
    }

    /** Share of a task's test rows whose class is named when the task is known. */
    static double accuracy(TaskAware l, int task) {
        try (Scope s = Scope.open()) {
            Batch b = rows(task);
            int[] said = l.predict(b.inputs(), task).classes(c -> c.task() == task);
            long[] y = b.classIds();
            int right = 0;
            for (int i = 0; i < y.length; i++) {
                right += said[i] == y[i] ? 1 : 0;
            }
            return right / (double) y.length;
        }
    }
}
