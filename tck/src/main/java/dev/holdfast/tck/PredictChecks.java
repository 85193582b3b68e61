package dev.holdfast.tck;

import static dev.holdfast.tck.Subject.bits;
import static dev.holdfast.tck.Subject.require;

import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Predictions: pure, at any moment, from any thread. */
final class PredictChecks {
    private PredictChecks() {}

    static void add(Subject<?> s, List<Check> to) {
        String on = " (" + s.data + ")";
        to.add(new Check("says clearly that it cannot predict before any class was seen" + on, () -> tooEarly(s)));
        to.add(new Check("scores every class seen so far" + on, () -> scoresAllClasses(s)));
        to.add(new Check("predicts without changing anything" + on, () -> pure(s)));
        to.add(new Check("refuses to predict bad rows and stays as it was" + on, () -> refusesBadRows(s)));
        to.add(new Check("predicts while it learns" + on, () -> meanwhile(s)));
    }

    private static void tooEarly(Subject<?> s) {
        Learner l = s.fresh();
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            Prediction p = s.predict(l, s.testRows().inputs());
            // heads may have a column for every declared class from the start
            require(
                    p.columns().size() == s.data.schema().classes().size() && Tensors.finite(p.scores()),
                    "Before any class was seen, predict neither refuses nor scores all declared classes.");
        } catch (RuntimeException refused) {
            Messages.requireClear(refused, "nothing was learnt yet");
        }
        bits(l).requireSame(before, "A prediction before the first batch changed the learner.");
    }

    private static void scoresAllClasses(Subject<?> s) {
        Learner l = s.fresh();
        Run r = s.run(l, s.announced());
        int part = 0;
        int seen = 0;
        while (r.advance()) {
            boolean ended = r.steps() > 0 && boundary(s, r, part);
            if (!ended) {
                continue;
            }
            seen = Math.min(
                    s.data.schema().classes().size(),
                    seen + s.announced().experiences().get(part++).classes().size());
            try (Scope scope = Scope.open()) {
                Prediction p = s.predict(l, s.testRows().inputs());
                require(
                        p.columns().size() >= seen && p.size() == s.data.test().size(),
                        "After part " + part + " there are scores " + p.size() + " x "
                                + p.columns().size() + "; expected "
                                + s.data.test().size() + " rows and at least "
                                + seen + " classes.");
                require(Tensors.finite(p.scores()), "After part " + part + " scores are not finite.");
                require(
                        Arrays.stream(p.classes())
                                .allMatch(c -> s.data.schema().classes().columnOf(c) >= 0),
                        "A prediction names a class that was not declared.");
            }
        }
    }

    /** True right after the end of a part. */
    private static boolean boundary(Subject<?> s, Run r, int part) {
        long batches = s.announced().experiences().subList(0, part + 1).stream()
                .mapToLong(e -> e.pace().batches(e.train().size()))
                .sum();
        try (Scope scope = Scope.open()) {
            return r.steps() == batches && r.state().integer("experience") == part + 1;
        }
    }

    private static void pure(Subject<?> s) {
        Learner l = s.after(s.within(1));
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            Inputs x = s.testRows().inputs();
            byte[] rows = Tensors.bytes(x.tensor(x.fields().iterator().next()));
            byte[] first = Tensors.bytes(s.predict(l, x).scores());
            Tensor mine = s.predict(l, x).scores();
            require(
                    Arrays.equals(first, Tensors.bytes(mine)),
                    "Two predictions of the same rows, one after the other, differ.");
            require(
                    Arrays.equals(
                            rows, Tensors.bytes(x.tensor(x.fields().iterator().next()))),
                    "A prediction changed the rows that it was given.");
            require(!mine.requires_grad(), "Scores carry a graph, which keeps the network's memory alive.");
            mine.zero_();
            require(
                    Arrays.equals(first, s.scores(l)),
                    "Changing the scores that were returned changes later predictions.");
        }
        bits(l).requireSame(before, "A prediction changed the learner.");
    }

    private static void refusesBadRows(Subject<?> s) {
        Learner l = s.after(s.within(1));
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            Inputs x = s.testRows().inputs();
            String field = x.fields().iterator().next();
            Tensor t = x.tensor(field);
            long last = t.dim() - 1;
            Tensor nan = x.x().clone();
            nan.reshape(-1).select(0, 0).fill_(Tensors.scalar(Double.NaN));
            Map<String, Inputs> bad = Map.of(
                    "NaN", Inputs.of(Map.of(field, nan)),
                    "rows that are too wide",
                            Inputs.of(Map.of(field, Tensors.cat(last, t, Tensors.slice(t, last, 0, 1)))),
                    "rows without the field", Inputs.of(Map.of("elsewhere", t)));
            bad.forEach((what, rows) -> {
                try {
                    s.predict(l, rows);
                } catch (RuntimeException refused) {
                    Messages.requireClear(refused, "rows to predict hold " + what);
                    return;
                }
                throw new AssertionError("Rows with " + what + " were predicted without a word.");
            });
        }
        bits(l).requireSame(before, "Bad rows to predict changed the learner.");
    }

    /** One thread learns, another predicts all the time: no error, finite scores, and the same bits in the end. */
    private static void meanwhile(Subject<?> s) throws Exception {
        Bits undisturbed = bits(s.learnt());
        Learner l = s.fresh();
        Run r = s.run(l, s.announced());
        int ready = s.has(Trait.LEARNS_AT_END) ? s.within(1) : 1;
        for (int i = 0; i < ready; i++) {
            r.advance();
        }
        AtomicBoolean done = new AtomicBoolean();
        AtomicReference<Throwable> wrong = new AtomicReference<>();
        CountDownLatch started = new CountDownLatch(1);
        Thread reader = new Thread(
                () -> {
                    try {
                        while (!done.get()) {
                            try (Scope scope = Scope.open()) {
                                Prediction p = s.predict(l, s.testRows().inputs());
                                require(
                                        p.columns().size() > 0 && Tensors.finite(p.scores()),
                                        "A prediction made while the learner learns is not finite.");
                            }
                            started.countDown();
                        }
                    } catch (RuntimeException | AssertionError e) {
                        wrong.set(e);
                        started.countDown();
                    }
                },
                "tck-reader");
        reader.start();
        try {
            require(started.await(60, TimeUnit.SECONDS), "The first prediction of another thread never came back.");
            r.finish();
        } finally {
            done.set(true);
            reader.join();
        }
        if (wrong.get() != null) {
            throw new AssertionError(
                    "Predicting from another thread while the learner learns failed: " + wrong.get(), wrong.get());
        }
        bits(l).requireSame(undisturbed, "Predictions from another thread changed what was learnt.");
    }

    /** Positions of all training rows. */
    static int[] all(Subject<?> s) {
        return IntStream.range(0, (int) s.data.train().size()).toArray();
    }
}
