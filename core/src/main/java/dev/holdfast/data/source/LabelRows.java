package dev.holdfast.data.source;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Rows with label sets as plain arrays in the order of a stream, for learners that take them one by one.
 *
 * @param x numbers [n][width]
 * @param y labels [n][labels]
 */
public record LabelRows(String name, double[][] x, boolean[][] y) {
    public LabelRows {
        if (x.length == 0 || x.length != y.length) {
            throw new IllegalArgumentException("Stream '" + name + "' has " + x.length + " rows of numbers and "
                    + y.length + " of labels; expected as many of both, and at least one.");
        }
    }

    /** The rows of these parts put back into the order of their ids, which for a file is that of its rows. */
    public static LabelRows of(String name, Dataset... parts) {
        int n = (int) Arrays.stream(parts).mapToLong(Dataset::size).sum();
        long[] ids = new long[n];
        double[][] x = new double[n][];
        boolean[][] y = new boolean[n][];
        int at = 0;
        for (Dataset d : parts) {
            try (Scope s = Scope.open()) {
                Batch b = d.rows(IntStream.range(0, (int) d.size()).toArray());
                if (!(b.target() instanceof Target.MultiLabel m)) {
                    throw new IllegalArgumentException("The rows of '" + name + "' have a target of kind "
                            + d.schema().target().getSimpleName() + "; expected label sets.");
                }
                double[][] numbers = b.inputs().array(d.schema().x().name());
                double[][] sets = Tensors.rows(m.y());
                for (int i = 0; i < numbers.length; i++, at++) {
                    ids[at] = b.rows().ids()[i];
                    x[at] = numbers[i];
                    y[at] = new boolean[sets[i].length];
                    for (int l = 0; l < sets[i].length; l++) {
                        y[at][l] = sets[i][l] == 1;
                    }
                }
            }
        }
        int[] order = IntStream.range(0, n)
                .boxed()
                .sorted(java.util.Comparator.comparingLong(i -> ids[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        return new LabelRows(name, x, y).rows(order);
    }

    public int size() {
        return x.length;
    }

    public int width() {
        return x[0].length;
    }

    public int labels() {
        return y[0].length;
    }

    /** Labels of a row, ascending. */
    public int[] set(int row) {
        return IntStream.range(0, labels()).filter(l -> y[row][l]).toArray();
    }

    /** One field "x" of numbers, labels named by their numbers. */
    public Schema schema() {
        return Schema.of(
                new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of((long) width()), 0),
                Target.MultiLabel.class,
                ClassIndex.numbered(labels()));
    }

    /** At most so many rows from the start. */
    public LabelRows first(int n) {
        return rows(IntStream.range(0, Math.min(n, size())).toArray());
    }

    /** The rows in another order. */
    public LabelRows shuffled(Rng rng) {
        return rows(rng.permutation(size()));
    }

    private LabelRows rows(int[] at) {
        double[][] numbers = new double[at.length][];
        boolean[][] sets = new boolean[at.length][];
        for (int i = 0; i < at.length; i++) {
            numbers[i] = x[at[i]];
            sets[i] = y[at[i]];
        }
        return new LabelRows(name, numbers, sets);
    }
}
