package dev.holdfast.tck;

import static dev.holdfast.tck.Subject.bits;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Prediction;
import dev.holdfast.learner.Forgets;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Mergeable;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.IntStream;

/** Merging and forgetting, where a learner says that it can do them exactly. */
final class ExactChecks {
    private static final double TOLERANCE = 1e-6;

    private ExactChecks() {}

    static void add(Subject<?> s, List<Check> to) {
        String on = " (" + s.data + ")";
        try (Scope scope = Scope.open();
                Learner l = s.fresh()) {
            if (l instanceof Mergeable) {
                to.add(new Check("merged from two halves equals learnt at once" + on, () -> merges(s)));
                to.add(new Check("refuses to merge what does not add up" + on, () -> refusesToMerge(s)));
            }
            if (l instanceof Forgets) {
                to.add(new Check("forgetting rows equals never having learnt them" + on, () -> forgets(s)));
                to.add(new Check("refuses to forget what it never learnt" + on, () -> refusesToForget(s)));
            }
        }
    }

    /** A learner that learns these rows in batches, without boundaries. */
    private static Learner of(Subject<?> s, int... rows) {
        Learner l = s.fresh();
        for (int from = 0; from < rows.length; from += Subject.batch()) {
            s.learn(l, s.rows(java.util.Arrays.copyOfRange(rows, from, Math.min(rows.length, from + Subject.batch()))));
        }
        return l;
    }

    private static int[] rows(Subject<?> s, int from, int to) {
        return IntStream.range(from, to).toArray();
    }

    private static void merges(Subject<?> s) {
        int n = (int) s.data.train().size();
        // halves of different size, and the second begins with other classes than the first
        int cut = n / 3 + 1;
        Learner joint = of(s, rows(s, 0, n));
        Mergeable a = (Mergeable) of(s, rows(s, 0, cut));
        Learner b = of(s, rows(s, cut, n));
        Bits before = bits(b);
        try (Scope scope = Scope.open()) {
            a.merge(b);
        }
        bits(b).requireSame(before, "Merging changed the learner that was merged.");
        requireEqual(s, a, joint, "Merged from two halves");
    }

    private static void refusesToMerge(Subject<?> s) {
        Mergeable a = (Mergeable) of(s, rows(s, 0, 2 * Subject.batch()));
        Bits before = bits(a);
        Learner other = s.fresh(99);
        s.learn(other, s.mixed(0));
        Learner stranger = new Stranger();
        for (Learner l : List.of(other, stranger)) {
            try (Scope scope = Scope.open()) {
                a.merge(l);
            } catch (RuntimeException refused) {
                Messages.requireClear(refused, "merging with a learner of another kind or seed");
                bits(a).requireSame(before, "A merge was refused but changed the learner.");
                continue;
            }
            if (l == stranger) {
                throw new AssertionError("A learner of another kind was merged without a word.");
            }
            // without anything drawn from the seed, two seeds may merge: then it is exact
            requireEqual(s, a, of(s, rows(s, 0, 2 * Subject.batch()), s.mixed(0)), "Merged over seeds");
        }
    }

    private static Learner of(Subject<?> s, int[] rows, Batch more) {
        Learner l = of(s, rows);
        s.learn(l, more);
        return l;
    }

    private static void forgets(Subject<?> s) {
        int n = (int) s.data.train().size();
        Learner never = of(s, rows(s, 0, n - 2 * Subject.batch()));
        Forgets all = (Forgets) of(s, rows(s, 0, n));
        try (Scope scope = Scope.open()) {
            all.forget(s.rows(rows(s, n - 2 * Subject.batch(), n)));
        }
        requireEqual(s, all, never, "After forgetting");
    }

    private static void refusesToForget(Subject<?> s) {
        int classes = s.data.schema().classes().size();
        int n = (int) s.data.train().size();
        // classes come in turn: without the last one
        int[] some =
                IntStream.range(0, n).filter(i -> i % classes < classes - 1).toArray();
        Forgets l = (Forgets) of(s, some);
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            l.forget(s.rows(classes - 1));
            throw new AssertionError("A row of a class that was never learnt was forgotten without a word.");
        } catch (RuntimeException refused) {
            Messages.requireClear(refused, "forgetting rows of a class that was never learnt");
        }
        bits(l).requireSame(before, "Forgetting was refused but changed the learner.");
    }

    private static void requireEqual(Subject<?> s, Learner actual, Learner expected, String what) {
        try (Scope scope = Scope.open()) {
            Prediction a = s.predict(actual, s.testRows().inputs());
            Prediction e = s.predict(expected, s.testRows().inputs());
            double[][] scores = Tensors.rows(a.scores());
            double[][] wanted = Tensors.rows(e.scores());
            for (int i = 0; i < wanted.length; i++) {
                for (int c = 0; c < wanted[i].length; c++) {
                    int id = e.columns().columns().get(c).classId();
                    double have = scores[i][a.columns().columnOf(id)];
                    if (!(Math.abs(have - wanted[i][c]) <= TOLERANCE * (1 + Math.abs(wanted[i][c])))) {
                        throw new AssertionError(what + ", row " + i + " scores " + have + " for class " + id
                                + "; expected " + wanted[i][c] + ".");
                    }
                }
            }
        }
    }
}
