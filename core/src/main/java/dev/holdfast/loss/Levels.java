package dev.holdfast.loss;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Which score columns belong to which level of a hierarchy, so that each level is normalised by itself. */
public final class Levels {
    /** Columns of each level, counted among those that take part. */
    private final List<int[]> columns;

    private final int size;

    private Levels(List<int[]> columns, int size) {
        this.columns = columns;
        this.size = size;
    }

    /** Of the columns that take part in a loss. */
    static Levels of(LossInput in) {
        return of(in.columns(), in.among());
    }

    /** Of all columns. */
    public static Levels of(ClassIndex index) {
        return of(index, null);
    }

    private static Levels of(ClassIndex index, boolean[] among) {
        Map<Integer, List<Integer>> of = new LinkedHashMap<>();
        int next = 0;
        for (int c = 0; c < index.size(); c++) {
            if (among == null || among[c]) {
                of.computeIfAbsent(index.columns().get(c).level(), h -> new ArrayList<>())
                        .add(next++);
            }
        }
        return new Levels(
                of.values().stream()
                        .map(l -> l.stream().mapToInt(Integer::intValue).toArray())
                        .toList(),
                next);
    }

    /** Whether there is more than one level. */
    public boolean several() {
        return columns.size() > 1;
    }

    /** Logarithms of probabilities [n, columns] that sum to 1 inside each level. */
    public Tensor logSoftmax(Tensor scores) {
        if (!several()) {
            return scores.log_softmax(1);
        }
        int[] place = new int[size];
        Tensor[] parts = new Tensor[columns.size()];
        int at = 0;
        for (int h = 0; h < parts.length; h++) {
            parts[h] = scores.index_select(1, Tensors.ids(columns.get(h))).log_softmax(1);
            for (int c : columns.get(h)) {
                place[c] = at++;
            }
        }
        return Tensors.cat(1, parts).index_select(1, Tensors.ids(place));
    }

    /** Even distributions [n, columns] over the level of each of these columns. */
    Tensor uniform(int[] column, Tensor like) {
        return evenly(like).index_select(0, Tensors.ids(column));
    }

    /** What each row has on a level, spread evenly over that level [n, columns]. */
    Tensor spread(Tensor q) {
        return torch.matmul(q, evenly(q));
    }

    /** [columns, columns]: row c is even over the level of c. */
    private Tensor evenly(Tensor like) {
        double[] even = new double[size * size];
        for (int[] level : columns) {
            for (int c : level) {
                Arrays.stream(level).forEach(k -> even[c * size + k] = 1.0 / level.length);
            }
        }
        return Tensors.of(even, size, size).to(like.scalar_type());
    }
}
