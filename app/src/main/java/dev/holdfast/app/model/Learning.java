package dev.holdfast.app.model;

import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.evaluate.Prequential;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Partitioned;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Moment;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One stream learnt from its first row to its last: each batch is first predicted, then learnt (prequential scores), and
 * every so often all is put on disk. What it becomes depends on the request and the rows alone, not on how often it was
 * cut off.
 */
final class Learning {
    private static final String LOADER = "loader";
    private static final String SCORES = "prequential";
    private static final int LINES = 10;

    private final Model model;
    private final ModelCard.Request request;
    private final Source source;
    private final Path folder;
    private final double checkpointSeconds;
    private final Console console;
    private final BooleanSupplier cancelled;

    /** Null where the learner predicts only after the end. */
    private final Prequential scores;

    private final MetricLog log = new MetricLog();
    private final long window;
    private long rows;
    private long batches;

    /** @param folder where checkpoints and the model go, or null to keep none */
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
        this.window = Math.max(1, planned() / LINES);
        this.scores = model.learner().capabilities().has(Trait.LEARNS_AT_END)
                ? null
                : new Prequential(model.schema(), Prequential.Config.points(planned(), LINES));
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
                if (scores != null) {
                    scores.load(from.child(SCORES));
                }
                rows = at.rows();
                batches = at.batches();
            } else {
                scoped(() -> learner.begin(whole));
                // from here on the model can be resumed
                checkpoint(loader);
            }
            long last = System.nanoTime();
            while (loader.hasNext() && (request.limit() == 0 || rows < request.limit())) {
                long before = rows;
                StepReport[] report = new StepReport[1];
                scoped(() -> report[0] = step(loader.next().withTask(part)));
                meter.at(rows, scores == null ? "" : percent(scores.headline()));
                tell(meter, report[0], rows / window != before / window);
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
            partition().ifPresent(groups -> meter.line(at("labels learnt together: %s", groups)));
        }
        ModelCard done =
                model.card().after(new ModelCard.Lesson(request, rows, batches, scores == null ? Map.of() : defined()));
        if (folder != null) {
            model.write(folder, done, new State());
        }
        return done;
    }

    private StepReport step(Batch b) {
        if (scores != null) {
            scores.test(model.learner(), b);
        }
        StepReport r = model.learner().learn(b);
        rows += b.size();
        batches++;
        return r;
    }

    private Map<String, Double> defined() {
        Map<String, Double> m = new LinkedHashMap<>();
        scores.metrics().stream().filter(t -> Double.isFinite(t.value())).forEach(t -> m.put(t.name(), t.value()));
        return m;
    }

    /** What the learner and the drift detection noticed, and now and then the scores. */
    private void tell(Console.Meter meter, StepReport report, boolean line) {
        for (StepReport.Event e : report.events()) {
            String kind = e.kind().toString().toLowerCase(Locale.ROOT).replace('_', ' ');
            // a partition is told by the names of its labels, which the learner does not know
            boolean groups = e.kind() == StepReport.Event.Kind.PARTITION_CHANGED;
            meter.line(at("%s: %s", kind, groups ? partition().orElse(e.what()) : e.what()));
        }
        if (scores == null) {
            if (line) {
                meter.line(at(""));
            }
            return;
        }
        long drifts = scores.drifts();
        List<Term> recent = scores.blockMetrics();
        scores.note(new Moment(batches, rows, 0, false, report), log);
        if (scores.drifts() > drifts) {
            meter.line(at("drift: the error rose to %.2f %%", 100 * scores.recentError()));
        }
        if (line) {
            meter.line(at(
                    "%s   since the last line %s   %s",
                    scores.metrics().stream()
                            .filter(t -> !t.name().startsWith("no-change"))
                            .map(Learning::percent)
                            .collect(Collectors.joining("   ")),
                    percent(recent.get(0)),
                    percent(scores.noChange())));
        }
    }

    /** The groups of labels that are learnt apart, where the learner has such. */
    private Optional<String> partition() {
        return model.learner() instanceof Partitioned p
                ? Optional.of(p.partition().stream().map(this::names).collect(Collectors.joining(" ")))
                : Optional.empty();
    }

    private String names(List<Integer> labels) {
        ClassIndex all = model.schema().classes();
        return labels.stream()
                .map(id -> all.columns().get(all.columnOf(id)).name())
                .collect(Collectors.joining(", ", "{", "}"));
    }

    private String at(String format, Object... args) {
        return String.format(Locale.ROOT, "%,12d rows   " + format, prepended(args))
                .stripTrailing();
    }

    private Object[] prepended(Object[] args) {
        Object[] all = new Object[args.length + 1];
        all[0] = rows;
        System.arraycopy(args, 0, all, 1, args.length);
        return all;
    }

    private void checkpoint(Loader loader) {
        if (folder == null) {
            return;
        }
        State position = new State().put(LOADER, loader);
        model.write(
                folder,
                model.card().at(new ModelCard.Unfinished(request, source.rows().size(), rows, batches)),
                scores == null ? position : position.put(SCORES, scores));
    }

    private static String percent(Term t) {
        return String.format(Locale.ROOT, "%s %.2f %%", t.name(), 100 * t.value());
    }

    private static void scoped(Runnable work) {
        try (Scope s = Scope.open()) {
            work.run();
        }
    }
}
