package dev.holdfast.estimate;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.RecursiveRidge;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Ridge regression on one-hot labels, equal at any moment to joint training on all rows so far; scores = H W. See {@link
 * RecursiveRidge}.
 */
public final class RidgeHead implements StatisticHead {
    /** Which columns a batch moves. */
    public enum Moving {
        /** All: rows push down the classes that they are not. */
        ALL,
        /**
         * Those of the batch's own classes, to measure what the others are worth: no longer joint training, not the same
         * in every order, and without merging or forgetting.
         */
        PRESENT
    }

    private final RecursiveRidge ridge;
    private final Moving moving;
    private final Columns columns = new Columns();

    /**
     * @param width M, numbers a row
     * @param gamma weight of ||W||^2, > 0
     */
    public RidgeHead(long width, double gamma, RecursiveRidge.Form form) {
        this(width, gamma, form, Moving.ALL);
    }

    /** @param moving PRESENT needs the RECURSIVE form */
    public RidgeHead(long width, double gamma, RecursiveRidge.Form form, Moving moving) {
        if (moving == Moving.PRESENT && form != RecursiveRidge.Form.RECURSIVE) {
            throw new IllegalArgumentException("Only the RECURSIVE form can leave columns out of an update.");
        }
        this.ridge = new RecursiveRidge(width, gamma, form);
        this.moving = moving;
    }

    @Override
    public void update(Tensor features, ClassIndex known, long... classIds) {
        columns.with(() -> {
            int[] column = columns.admit(known, classIds);
            if (moving == Moving.ALL) {
                ridge.learn(features, targets(features, column));
            } else {
                ridge.learn(
                        features,
                        targets(features, column),
                        Arrays.stream(column).distinct().toArray());
            }
        });
    }

    @Override
    public void remove(Tensor features, long... classIds) {
        requireSums("rows cannot be taken out again");
        ridge.forget(features, targets(features, columns.index().columnsOf(classIds)));
    }

    /** One-hot rows over all columns: the zeros push the classes down that a row is not. */
    private Tensor targets(Tensor features, int[] column) {
        return Tensors.oneHot(column, columns.index().size(), features);
    }

    @Override
    public void merge(StatisticHead other) {
        RidgeHead o = StreamingLda.sameKind(this, other);
        requireSums("it cannot be merged");
        o.requireSums("it cannot be merged");
        columns.with(() -> ridge.merge(o.ridge, columns.place(o.columns())));
    }

    private void requireSums(String consequence) {
        if (moving == Moving.PRESENT) {
            throw new UnsupportedOperationException(
                    "A ridge regression that leaves columns of absent classes out of its"
                            + " updates is not a sum over rows, so " + consequence + ".\nMaybe let all columns move.");
        }
    }

    @Override
    public Tensor scores(Tensor features) {
        return features.matmul(weight());
    }

    /** W [M, C]; in GRAM form solved at the first call after a change. */
    public synchronized Tensor weight() {
        return ridge.weight();
    }

    public RecursiveRidge ridge() {
        return ridge;
    }

    @Override
    public ClassIndex columns() {
        return columns.index();
    }

    @Override
    public long parameters() {
        return ridge.width() * ridge.columns();
    }

    @Override
    public long bytes() {
        return ridge.bytes();
    }

    @Override
    public State state() {
        return new State().put("ridge", ridge).put("columns", columns.state());
    }

    @Override
    public void load(State saved) {
        State s = saved.child("ridge");
        Tensors.requireShape("saved columns of the ridge regression", s.tensor("columns"), -1, -1);
        ClassIndex index =
                Columns.read(saved.child("columns"), s.tensor("columns").size(1));
        ridge.load(s);
        columns.set(index);
    }
}
