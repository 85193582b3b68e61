package dev.holdfast.learner.replay;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.nn.Model;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Checks and small parts that all replay learners share. */
final class Replays {
    private Replays() {}

    static void check(int capacity, int replayBatch) {
        if (capacity < 1 || replayBatch < 1) {
            throw new IllegalArgumentException("Replay needs capacity >= 1 and replayBatch >= 1 but has " + capacity
                    + " and " + replayBatch + ".\nMaybe fine-tuning, which stores nothing, is meant.");
        }
    }

    static double checkWeight(String name, double weight) {
        if (!(weight >= 0) || Double.isInfinite(weight)) {
            throw new IllegalArgumentException(name + " must be finite and >= 0 but is " + weight + ".");
        }
        return weight;
    }

    /** Refuses a store that chooses among the rows of a finished part, for learners that store rows as they come. */
    static void checkOnline(Store store) {
        if (store == Store.HERDING) {
            throw new IllegalArgumentException(
                    "store=HERDING chooses among all rows of a finished part, but this learner"
                            + " stores rows as they arrive; expected RESERVOIR, CLASS_BALANCED or RING.");
        }
    }

    /** Rows of all parts one after the other; every row weighs the same. */
    static Batch concat(List<Batch> parts) {
        long[] ids =
                parts.stream().flatMapToLong(b -> Arrays.stream(b.rows().ids())).toArray();
        long[] y =
                parts.stream().flatMapToLong(b -> Arrays.stream(b.classIds())).toArray();
        return new Batch(
                Inputs.concat(parts.stream().map(Batch::inputs).toArray(Inputs[]::new)),
                Target.ClassIds.of(y),
                Rows.of(ids));
    }

    /** A set of score columns, to be saved. */
    static Tensor columns(Collection<Integer> columns) {
        return Tensors.ids(columns.stream().mapToInt(Integer::intValue).sorted().toArray());
    }

    /** Score columns as they were saved, ascending. */
    static List<Integer> savedColumns(State saved, String name) {
        Tensors.requireShape("saved columns '" + name + "'", saved.tensor(name), -1);
        int[] c = Tensors.ints(saved.tensor(name));
        List<Integer> r = new ArrayList<>();
        for (int i = 0; i < c.length; i++) {
            if (c[i] < 0 || i > 0 && c[i] <= c[i - 1]) {
                throw new IllegalArgumentException("The saved columns '" + name + "' are " + Arrays.toString(c)
                        + "; expected ascending numbers from 0.\nMaybe the file is damaged.");
            }
            r.add(c[i]);
        }
        return r;
    }

    /** A count as it was saved. */
    static long savedCount(State saved, String name) {
        long n = saved.integer(name);
        if (n < 0) {
            throw new IllegalArgumentException("The saved learner says that '" + name + "' is " + n
                    + "; expected a number >= 0.\nMaybe the file is damaged.");
        }
        return n;
    }

    /** Loads a model of the same shape as {@code like}, or null where none was saved. */
    static Model savedModel(State saved, String name, Model like) {
        State s = saved.child(name);
        if (s.values().isEmpty() && s.tensors().isEmpty()) {
            return null;
        }
        Model m = like.copy();
        m.load(s);
        return m;
    }

    /** Bytes of the tensors of a part, 0 for none. */
    static long bytes(Stateful part) {
        return part == null
                ? 0
                : part.state().tensors().values().stream()
                        .mapToLong(Tensor::nbytes)
                        .sum();
    }
}
