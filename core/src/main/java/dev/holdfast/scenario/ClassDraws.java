package dev.holdfast.scenario;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Rng;
import java.util.List;
import java.util.stream.IntStream;

/** How streams with a base and few-shot sessions deal classes and draw rows. */
final class ClassDraws {
    private ClassDraws() {}

    /** Classes in the order in which they arrive, as columns of {@code classes}. */
    static int[] order(ClassIncremental.Order order, int classes, Rng rng) {
        return order == ClassIncremental.Order.SEEDED
                ? rng.child("class-order").permutation(classes)
                : IntStream.range(0, classes).toArray();
    }

    /** Classes {@code from} to {@code to} of an order as those of a session. */
    static ClassIndex part(ClassIndex classes, int[] order, int from, int to, int session) {
        return ClassIndex.of(IntStream.range(from, to)
                .mapToObj(i -> classes.columns().get(order[i]))
                .map(c -> new ClassIndex.Column(c.classId(), c.name(), c.level(), session))
                .toList());
    }

    /** Positions of rows of these classes, ascending. */
    static int[] positions(long[] ids, ClassIndex wanted) {
        return IntStream.range(0, ids.length)
                .filter(i -> wanted.columnOf(Math.toIntExact(ids[i])) >= 0)
                .toArray();
    }

    /** So many rows of every class, drawn. */
    static int[] shots(long[] ids, ClassIndex classes, int shots, Rng rng) {
        return classes.columns().stream()
                .flatMapToInt(c -> {
                    int[] at = positions(ids, ClassIndex.of(List.of(c)));
                    if (at.length < shots) {
                        throw new IllegalArgumentException("Class " + c.name() + " has " + at.length
                                + " training rows but " + shots + " are to be shown with their labels.");
                    }
                    int[] order = rng.child("shots", c.classId()).permutation(at.length);
                    return IntStream.range(0, shots).map(i -> at[order[i]]);
                })
                .toArray();
    }
}
