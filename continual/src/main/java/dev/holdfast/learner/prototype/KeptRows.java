package dev.holdfast.learner.prototype;

import dev.holdfast.data.Inputs;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** The first labelled rows of each later class as they came, so that their features can be taken again. */
final class KeptRows implements Stateful {
    private final int perClass;
    private Tensor rows;
    private int[] columns = new int[0];

    KeptRows(int perClass) {
        this.perClass = perClass;
    }

    int size() {
        return columns.length;
    }

    /** Keeps rows whose column is not one of the base, until there are enough of it. */
    void add(Inputs x, int[] column, int baseColumns) {
        Map<Integer, Integer> have = new HashMap<>();
        for (int c : columns) {
            have.merge(c, 1, Integer::sum);
        }
        int[] at = IntStream.range(0, column.length)
                .filter(i -> column[i] >= baseColumns && have.merge(column[i], 1, Integer::sum) <= perClass)
                .toArray();
        if (at.length == 0) {
            return;
        }
        try (Scope s = Scope.open()) {
            Tensor more = Tensors.rows(x.x(), at);
            rows = Scope.own(rows == null ? more : Tensors.cat(0, rows, more));
        }
        columns = IntStream.concat(IntStream.of(columns), IntStream.of(at).map(i -> column[i]))
                .toArray();
    }

    Inputs inputs() {
        return Inputs.of(rows);
    }

    int[] columns() {
        return columns;
    }

    /** Whether every class's mean of these features points somewhere. */
    boolean directed(Tensor features) {
        int classes = IntStream.of(columns).max().orElse(-1) + 1;
        Tensor sums = Tensors.oneHot(columns, classes, features).t().mm(features);
        double[] norms = Tensors.doubles(sums.mul(sums).sum(1));
        return IntStream.of(columns).allMatch(c -> norms[c] > 1e-20);
    }

    long bytes() {
        return rows == null ? 0 : rows.nbytes() + 4L * columns.length;
    }

    @Override
    public State state() {
        return new State().put("rows", rows).put("columns", Tensors.ids(columns));
    }

    @Override
    public void load(State saved) {
        Tensors.requireShape("saved columns", saved.tensor("columns"), -1);
        int[] newColumns = Tensors.ints(saved.tensor("columns"));
        Tensor newRows = null;
        if (newColumns.length > 0) {
            try (Scope s = Scope.open()) {
                Tensor t = saved.tensor("rows");
                if (t.size(0) != newColumns.length) {
                    throw new IllegalArgumentException("The saved learner keeps " + t.size(0) + " rows of "
                            + newColumns.length + " classes.\nMaybe the file is damaged.");
                }
                newRows = Scope.own(Tensors.copy(t));
            }
        }
        rows = newRows;
        columns = newColumns;
    }
}
