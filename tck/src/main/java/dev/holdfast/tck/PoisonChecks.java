package dev.holdfast.tck;

import static dev.holdfast.tck.Subject.bits;
import static dev.holdfast.tck.Subject.require;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Batches that must not be learnt: an error that helps, and a state that is what it was, to the bit. */
final class PoisonChecks {
    private PoisonChecks() {}

    static void add(Subject<?> s, List<Check> to) {
        cases(s).forEach((what, spoil) -> to.add(
                new Check("refuses " + what + " and stays as it was (" + s.data + ")", () -> refuses(s, what, spoil))));
        to.add(new Check("takes an empty batch as nothing, or refuses it (" + s.data + ")", () -> empty(s)));
        to.add(new Check("survives a batch of one class (" + s.data + ")", () -> oneClass(s)));
        to.add(new Check("survives numbers too large to learn from (" + s.data + ")", () -> huge(s)));
    }

    /** How a good batch is spoilt. */
    private static Map<String, Function<Batch, Batch>> cases(Subject<?> s) {
        Schema schema = s.data.schema();
        Map<String, Function<Batch, Batch>> c = new LinkedHashMap<>();
        c.put("NaN", b -> number(b, Double.NaN));
        c.put("infinity", b -> number(b, Double.POSITIVE_INFINITY));
        c.put("minus infinity", b -> number(b, Double.NEGATIVE_INFINITY));
        if (s.data.multiLabel()) {
            c.put("a label that is neither there nor not", b -> member(b, 0.5));
            c.put("a label of NaN", b -> member(b, Double.NaN));
            c.put("a negative label", b -> member(b, -1));
            c.put("more labels than declared", b -> labels(b, 1));
            c.put("fewer labels than declared", b -> labels(b, -1));
            c.put("one class a row", b -> with(b, b.inputs(), Target.ClassIds.of(new long[b.size()]), null));
        } else {
            c.put(
                    "a class that was not declared",
                    b -> label(b, schema.classes().size() + 1000L));
            c.put("a negative class", b -> label(b, -1));
            c.put("a class beyond all integers", b -> label(b, 1L << 40));
            c.put(
                    "label sets",
                    b -> with(
                            b,
                            b.inputs(),
                            new Target.MultiLabel(
                                    Tensors.zeros(
                                            ScalarType.Float,
                                            b.size(),
                                            schema.classes().size()),
                                    null),
                            null));
        }
        c.put("rows that are too wide", b -> shaped(b, 1));
        c.put("rows that are too narrow", b -> shaped(b, -1));
        c.put("rows of another rank", b -> inputs(b, field(b).unsqueeze(1)));
        c.put("rows without the field", b -> with(b, Inputs.of(Map.of("elsewhere", field(b))), b.target(), null));
        c.put(
                "soft labels",
                b -> with(b, b.inputs(), new Target.Soft(Tensors.zeros(ScalarType.Float, b.size(), 2)), null));
        c.put("a weight of NaN", b -> weighted(b, Double.NaN));
        c.put("a negative weight", b -> weighted(b, -1));
        if (!s.has(Trait.UNLABELLED)) {
            c.put("rows without labels", b -> with(b, b.inputs(), new Target.None(), null));
        }
        return c;
    }

    private static Tensor field(Batch b) {
        return b.inputs().tensor(b.inputs().fields().iterator().next());
    }

    private static Batch inputs(Batch b, Tensor x) {
        return with(b, Inputs.of(Map.of(b.inputs().fields().iterator().next(), x)), b.target(), null);
    }

    private static Batch with(Batch b, Inputs x, Target y, Tensor weights) {
        return new Batch(x, y, new Rows(b.rows().ids(), weights, null, 0, 0), b.task(), -1, null, null);
    }

    /** The last entry of the last row replaced. */
    private static Batch number(Batch b, double value) {
        Tensor x = b.inputs().x().clone();
        x.reshape(-1).select(0, x.numel() - 1).fill_(Tensors.scalar(value));
        return inputs(b, x);
    }

    private static Batch label(Batch b, long classId) {
        long[] y = b.classIds();
        y[y.length - 1] = classId;
        return with(b, b.inputs(), Target.ClassIds.of(y), null);
    }

    private static Batch weighted(Batch b, double last) {
        double[] w = new double[b.size()];
        Arrays.fill(w, 1);
        w[w.length - 1] = last;
        return with(b, b.inputs(), b.target(), Tensors.of(w, w.length).to(ScalarType.Float));
    }

    /** The last label of the last row replaced. */
    private static Batch member(Batch b, double value) {
        Tensor y = ((Target.MultiLabel) b.target()).y().clone();
        y.reshape(-1).select(0, y.numel() - 1).fill_(Tensors.scalar(value));
        return with(b, b.inputs(), new Target.MultiLabel(y, null), null);
    }

    /** One label column more or fewer. */
    private static Batch labels(Batch b, int more) {
        Tensor y = ((Target.MultiLabel) b.target()).y();
        Tensor other = more > 0 ? Tensors.cat(1, y, Tensors.slice(y, 1, 0, 1)) : Tensors.slice(y, 1, 0, y.size(1) - 1);
        return with(b, b.inputs(), new Target.MultiLabel(other, null), null);
    }

    /** One entry more or fewer in the last dimension. */
    private static Batch shaped(Batch b, int more) {
        Tensor x = field(b);
        long last = x.dim() - 1;
        long width = x.size(last);
        Tensor other =
                more > 0 ? Tensors.cat(last, x, Tensors.slice(x, last, 0, 1)) : Tensors.slice(x, last, 0, width - 1);
        return inputs(b, other);
    }

    /** Before the first batch, and in the middle of a later part. */
    private static List<Learner> moments(Subject<?> s) {
        return List.of(s.fresh(), s.after(s.within(1)));
    }

    private static void refuses(Subject<?> s, String what, Function<Batch, Batch> spoil) {
        for (Learner l : moments(s)) {
            Bits before = bits(l);
            try (Scope scope = Scope.open()) {
                Batch bad = spoil.apply(s.mixed(1));
                try {
                    l.learn(bad);
                } catch (RuntimeException refused) {
                    Messages.requireClear(refused, "a batch holds " + what);
                    bits(l).requireSame(before, "A batch with " + what + " was refused but changed the learner.");
                    continue;
                }
                bits(l).requireSame(before, "A batch with " + what + " was learnt.");
                throw new AssertionError("A batch with " + what + " was passed over without a word.");
            }
        }
    }

    private static void empty(Subject<?> s) {
        for (Learner l : moments(s)) {
            Bits before = bits(l);
            try (Scope scope = Scope.open()) {
                l.learn(s.rows());
            } catch (RuntimeException refused) {
                Messages.requireClear(refused, "a batch is empty");
            }
            bits(l).requireSame(before, "An empty batch changed the learner.");
        }
    }

    /** Rows of a single class are good data, first or later; a method that cannot use them says so. */
    private static void oneClass(Subject<?> s) {
        int classes = s.data.schema().classes().size();
        for (Learner l : moments(s)) {
            Bits before = bits(l);
            try (Scope scope = Scope.open()) {
                Batch one = s.rows(0, classes, 2 * classes);
                require(alike(one.target()), "The data must list classes in turn for this check.");
                l.learn(one);
            } catch (RuntimeException refused) {
                Messages.requireClear(refused, "a batch has one class");
                bits(l).requireSame(before, "A batch of one class was refused but changed the learner.");
            }
            requireFinite(s, l, "a batch of one class");
        }
    }

    private static boolean alike(Target y) {
        if (y instanceof Target.MultiLabel m) {
            double[][] sets = Tensors.rows(m.y());
            return Arrays.stream(sets).allMatch(row -> Arrays.equals(row, sets[0]));
        }
        return Arrays.stream(Tensors.longs(((Target.ClassIds) y).ids()))
                        .distinct()
                        .count()
                == 1;
    }

    /** Finite, but so large that sums of products are not: whatever is done with them, good rows must work after. */
    private static void huge(Subject<?> s) {
        Learner l = s.after(s.within(1));
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            Batch b = s.mixed(1);
            Tensor x = b.inputs().x();
            l.learn(inputs(b, Tensors.zerosLike(x, x.shape()).add_(Tensors.scalar(3e38))));
        } catch (RuntimeException refused) {
            Messages.requireClear(refused, "numbers are too large");
            bits(l).requireSame(before, "A batch of too large numbers was refused but changed the learner.");
        }
        for (int turn = 0; turn < 5; turn++) {
            s.learn(l, s.mixed(turn));
        }
        requireFinite(s, l, "numbers too large to learn from, and then good ones,");
    }

    private static void requireFinite(Subject<?> s, Learner l, String after) {
        if (s.has(Trait.LEARNS_AT_END)) {
            return;
        }
        try (Scope scope = Scope.open()) {
            require(
                    Tensors.finite(s.predict(l, s.testRows().inputs()).scores()),
                    "After " + after + " predictions are not finite.");
        }
    }
}
