package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.LabelTree;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.evaluate.metric.AveragePrecision;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.TaskAware;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Share of rows whose class a learner names, among the classes of its level where there is a hierarchy. Of label sets, which
 * have no such share, the mean over labels of their average precision.
 */
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
        if (test.data().schema().target() == Target.MultiLabel.class) {
            return meanPrecision(
                    learner,
                    IntStream.iterate(0, from -> from < n, from -> from + CHUNK)
                            .mapToObj(from -> IntStream.range(from, Math.min(n, from + CHUNK))
                                    .toArray())
                            .map(at -> (Supplier<Batch>) () -> test.data().rows(at))
                            .toList(),
                    test.data().schema());
        }
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
        if (test.data().schema().target() == Target.MultiLabel.class) {
            return meanPrecision(
                    learner,
                    rows.stream().map(b -> (Supplier<Batch>) () -> b).toList(),
                    test.data().schema());
        }
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

    /** Mean average precision over all rows; a label that has no score yet is ranked by none. */
    private static double meanPrecision(Learner learner, List<Supplier<Batch>> chunks, Schema schema) {
        try (Scope all = Scope.open()) {
            List<Tensor> scores = new ArrayList<>();
            List<Tensor> labels = new ArrayList<>();
            for (Supplier<Batch> chunk : chunks) {
                try (Scope s = Scope.open()) {
                    Batch b = chunk.get();
                    Prediction p = learner.predict(b.inputs());
                    int[] at = schema.classes().columns().stream()
                            .mapToInt(c -> p.columns().columnOf(c.classId()))
                            .toArray();
                    Tensor none = Tensors.zerosLike(p.scores(), b.size(), 1);
                    Tensor wide = Tensors.cat(1, p.scores(), none);
                    int last = (int) p.scores().size(1);
                    scores.add(s.keep(wide.index_select(
                            1,
                            Tensors.ids(
                                    Arrays.stream(at).map(c -> c < 0 ? last : c).toArray()))));
                    labels.add(s.keep(Tensors.copy(((Target.MultiLabel) b.target()).y())));
                }
            }
            return AveragePrecision.of(
                            Tensors.cat(0, scores.toArray(Tensor[]::new)),
                            Tensors.cat(0, labels.toArray(Tensor[]::new)))
                    .mean();
        }
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
