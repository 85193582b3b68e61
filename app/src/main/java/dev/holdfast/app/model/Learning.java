package dev.holdfast.app.model;

import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * One stream learnt from its first row to its last: each batch is first predicted, then learnt (prequential accuracy),
 * and every so often all is put on disk. What it becomes depends on the request and the rows alone, not on how often it
 * was cut off.
 */
final class Learning {
    private static final String LOADER = "loader";
    private static final int LINES = 10;

    private final Model model;
    private final ModelCard.Request request;
    private final Source source;
    private final Path folder;
    private final double checkpointSeconds;
    private final Console console;
    private final BooleanSupplier cancelled;

    private final boolean predicts;
    private final long window;
    private long rows;
    private long batches;
    private long right;
    private long windowRight;
    private long windowStart;

    Learning(
            Model model,
            ModelCard.Request request,
            Source source,
            Path folder,
            double checkpointSeconds,
            Console console,
            BooleanSupplier cancelled) {
        this.model = model;
        this.request = request;
        this.source = source;
        this.folder = folder;
        this.checkpointSeconds = checkpointSeconds;
        this.console = console;
        this.cancelled = cancelled;
        this.predicts = !model.learner().capabilities().has(Trait.LEARNS_AT_END);
        this.window = Math.max(1, planned() / LINES);
    }

    private long planned() {
        long all = request.epochs() * source.rows().size();
        return request.limit() > 0 ? Math.min(all, request.limit()) : all;
    }

    /**
     * Learns what is left and writes the finished model.
     *
     * @param from state of the checkpoint to go on from, or null to begin
     * @return the finished card, or null when it was cut off (a checkpoint is written)
     */
    ModelCard run(State from) {
        Learner learner = model.learner();
        int part = model.card().lessons().size();
        Pace pace = new Pace(
                request.epochs(),
                request.batchSize(),
                -1,
                (d, epoch, rng) -> request.shuffle()
                        ? rng.permutation(Math.toIntExact(d.size()))
                        : IntStream.range(0, Math.toIntExact(d.size())).toArray());
        Experience whole =
                new Experience(part, part, source.rows(), model.schema().classes(), true, pace);
        try (Loader loader = source.rows().batches(pace, Rng.of(request.seed()).child("learn", part));
                Console.Meter meter = console.meter("learn", " rows", planned())) {
            if (from != null) {
                ModelCard.Unfinished at = model.card().unfinished();
                loader.load(from.child(LOADER));
                rows = at.rows();
                batches = at.batches();
                right = at.right();
                windowStart = rows;
            } else {
                scoped(() -> learner.begin(whole));
                // from here on the model can be resumed
                checkpoint(loader);
            }
            long last = System.nanoTime();
            while (loader.hasNext() && (request.limit() == 0 || rows < request.limit())) {
                long before = rows;
                scoped(() -> step(loader.next().withTask(part)));
                meter.at(rows, predicts && rows > 0 ? percent(right, rows) + " % right" : "");
                if (rows / window != before / window) {
                    tell(meter);
                }
                boolean stop = cancelled.getAsBoolean();
                if (stop || (System.nanoTime() - last) * 1e-9 >= checkpointSeconds) {
                    checkpoint(loader);
                    last = System.nanoTime();
                }
                if (stop) {
                    return null;
                }
            }
            scoped(() -> learner.end(whole));
        }
        ModelCard done = model.card()
                .after(new ModelCard.Lesson(
                        request, rows, batches, predicts && rows > 0 ? right / (double) rows : null));
        model.write(folder, done, new State());
        return done;
    }

    private void step(Batch b) {
        if (predicts) {
            int hits = hits(b);
            right += hits;
            windowRight += hits;
        }
        model.learner().learn(b);
        rows += b.size();
        batches++;
    }

    /** Rows named rightly before they are learnt; before anything was learnt none is. */
    private int hits(Batch b) {
        Prediction p;
        try {
            p = model.learner().predict(b.inputs());
        } catch (IllegalStateException nothingLearntYet) {
            return 0;
        }
        int[] said = p.classes();
        long[] truth = b.classIds();
        return (int)
                IntStream.range(0, said.length).filter(i -> said[i] == truth[i]).count();
    }

    private void tell(Console.Meter meter) {
        meter.line(String.format(
                Locale.ROOT,
                "%,12d rows%s",
                rows,
                predicts
                        ? "   right so far " + percent(right, rows) + " %   since the last line "
                                + percent(windowRight, rows - windowStart) + " %"
                        : ""));
        windowRight = 0;
        windowStart = rows;
    }

    private void checkpoint(Loader loader) {
        model.write(
                folder,
                model.card().at(new ModelCard.Unfinished(request, source.rows().size(), rows, batches, right)),
                new State().put(LOADER, loader));
    }

    private static String percent(long part, long of) {
        return String.format(Locale.ROOT, "%.2f", 100.0 * part / of);
    }

    private static void scoped(Runnable work) {
        try (Scope s = Scope.open()) {
            work.run();
        }
    }
}
