package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * What a learner says about n rows.
 *
 * @param scores [n, columns]
 * @param columns meaning of the columns
 * @param variance [n, columns] or null
 * @param route expert or task chosen for each row, or null
 */
@Frozen
public record Prediction(Tensor scores, ClassIndex columns, Kind kind, Tensor variance, int[] route) {
    /** What the scores are: unnormalised log-probabilities, one logit a label, probabilities, an order only, or values. */
    public enum Kind {
        LOGITS,
        SIGMOID_LOGITS,
        PROBABILITIES,
        SCORES,
        VALUES
    }

    public Prediction {
        Tensors.requireShape("scores", scores, -1, columns.size());
    }

    public Prediction(Tensor scores, ClassIndex columns, Kind kind) {
        this(scores, columns, kind, null, null);
    }

    public int size() {
        return (int) scores.size(0);
    }

    /** Class id of the best column of each row; ties go to the lower column. */
    public int[] classes() {
        return classes(c -> true);
    }

    /** Class id of the best column among those that {@code among} admits (a task's, a level's). */
    public int[] classes(Predicate<ClassIndex.Column> among) {
        boolean[] keep = columns.where(among);
        int[] at = IntStream.range(0, keep.length).filter(i -> keep[i]).toArray();
        if (at.length == 0) {
            throw new IllegalArgumentException("No score column is left to choose from; columns are " + columns + ".");
        }
        try (Scope s = Scope.open()) {
            Tensor part = at.length == keep.length ? scores : scores.index_select(1, Tensors.ids(at));
            int[] best = Tensors.ints(part.argmax(new LongOptional(1), false));
            int[] ids = new int[best.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = columns.columns().get(at[best[i]]).classId();
            }
            return ids;
        }
    }

    /**
     * The label set of each row [n][columns]: the labels whose probability exceeds 1/2.
     *
     * @throws IllegalArgumentException where the scores are neither PROBABILITIES nor SIGMOID_LOGITS
     */
    public boolean[][] labelSets() {
        double over =
                switch (kind) {
                    case PROBABILITIES -> 0.5;
                    case SIGMOID_LOGITS -> 0;
                    case LOGITS, SCORES, VALUES ->
                        throw new IllegalArgumentException("Label sets were predicted as " + kind
                                + "; expected PROBABILITIES or SIGMOID_LOGITS, one a label.");
                };
        double[][] s = Tensors.rows(scores);
        boolean[][] sets = new boolean[s.length][columns.size()];
        for (int i = 0; i < s.length; i++) {
            for (int c = 0; c < sets[i].length; c++) {
                sets[i][c] = s[i][c] > over;
            }
        }
        return sets;
    }
}
