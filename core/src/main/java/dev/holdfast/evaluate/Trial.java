package dev.holdfast.evaluate;

import dev.holdfast.evaluate.metric.Memorisation;
import dev.holdfast.evaluate.metric.Retention;
import dev.holdfast.evaluate.metric.StabilityGap;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Moment;
import dev.holdfast.run.Probe;
import dev.holdfast.run.RunLog;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * One learner through one scenario with one seed, and what came out: the unit of comparisons and studies. A pure
 * function of its arguments, but for the seconds.
 */
public final class Trial {
    private static final int STREAM_POINTS = 100;

    /** How a trial ended. */
    public enum Status {
        DONE,
        /** The learner does not fit the scenario. */
        REFUSED,
        /** The learner threw. */
        FAILED,
        /** Cut off before the end. */
        CANCELLED
    }

    /**
     * What is measured besides the accuracy square.
     *
     * @param curvePoints evaluations on the way, spread evenly over the updates; 0 = none
     * @param curveRows rows of each task's test set used for these
     * @param dense so many updates after the beginning of each part are evaluated one by one, where accuracy may collapse
     *     and recover between two points of an even curve
     * @param wrong training rows whose labels were made wrong, asked about at the end; null for none
     */
    public record Options(int curvePoints, int curveRows, int dense, Mislabelled wrong) {
        public Options {
            if (curvePoints < 0 || curveRows < 1 || dense < 0) {
                throw new IllegalArgumentException(
                        "A curve needs curvePoints >= 0, curveRows >= 1 and dense >= 0 but has " + curvePoints + ", "
                                + curveRows + " and " + dense + ".");
            }
        }

        /** An even curve. */
        public Options(int curvePoints, int curveRows) {
            this(curvePoints, curveRows, 0);
        }

        /** Rows whose labels nobody made wrong. */
        public Options(int curvePoints, int curveRows, int dense) {
            this(curvePoints, curveRows, dense, null);
        }

        /** The same, asking about these rows. */
        public Options with(Mislabelled rows) {
            return new Options(curvePoints, curveRows, dense, rows);
        }

        public static Options defaults() {
            return new Options(50, 200, 30);
        }
    }

    /** One point of accuracy over time; step -1 is before the first update. */
    public record Point(long step, long samples, int task, Double accuracy) {}

    /**
     * What came out; undefined numbers are null.
     *
     * @param square a[k][j], accuracy on task j after part k; null entries where not measured
     * @param averageAccuracy AA after the last part; on a stream without test sets the headline metric over all rows
     * @param averageIncrementalAccuracy AIA after the last part
     * @param forgetting FM (survey form) after the last part
     * @param forgettingClassic FM (classic form) after the last part
     * @param backwardTransfer BWT after the last part
     * @param minAccuracy min-ACC: mean over earlier tasks of the least accuracy at any evaluated update after they were
     *     learnt; on the curve's rows, as the next two
     * @param worstCaseAccuracy WC-ACC: the newest task's accuracy and min-ACC, weighted by tasks
     * @param windowedForgetting WF10: the largest drop within ten updates, averaged over tasks; of updates that were
     *     evaluated one by one
     * @param memorised share of the training rows with wrong labels that are predicted as labelled; null without such
     * @param corrected share of them that are predicted as they truly are
     * @param levels accuracies of every level of a hierarchy; null without one
     * @param streamed scores of rows tested before they were learnt; null where the scenario asks for none
     * @param evaluateSeconds wall seconds of measuring
     * @param learnSeconds wall seconds inside the learner
     * @param cpuSeconds CPU seconds of the process while inside the learner
     */
    public record Result(
            String learner,
            LearnerPlugin.Role role,
            long seed,
            String configuration,
            Status status,
            String message,
            Double[][] square,
            Double averageAccuracy,
            Double averageIncrementalAccuracy,
            Double forgetting,
            Double forgettingClassic,
            Double backwardTransfer,
            Double minAccuracy,
            Double worstCaseAccuracy,
            Double windowedForgetting,
            List<Point> curve,
            Double memorised,
            Double corrected,
            LevelScores levels,
            Streamed streamed,
            long steps,
            long samples,
            double learnSeconds,
            double cpuSeconds,
            double evaluateSeconds,
            double secondsPerBatch,
            long parameters,
            long bytes,
            String shape) {}

    /** Hears how far a trial is. */
    public interface Listener {
        void progress(long stepsDone, long stepsPlanned);
    }

    private Trial() {}

    /**
     * Runs the trial to its end, or until {@code cancelled}; a learner that throws gives a FAILED result with the
     * message and the curve so far, so that one bad learner does not spoil a comparison.
     */
    public static <C extends Record> Result run(
            LearnerPlugin<C> plugin,
            C config,
            Scenario scenario,
            long seed,
            Options options,
            BooleanSupplier cancelled,
            Listener listener) {
        Rng rng = Rng.of(seed);
        int tasks = scenario.tests().size();
        MetricLog log = new MetricLog();
        try (Scope all = Scope.open();
                Learner learner = plugin.create(config, scenario.schema(), rng.child("learner"))) {
            Scenario stream = plugin.arrange(scenario);
            List<String> why = Compatibility.obstacles(learner, stream);
            if (!why.isEmpty()) {
                return ended(plugin, config, seed, Status.REFUSED, String.join("; ", why), log);
            }
            long planned = Run.plannedSteps(stream);
            // a rearranged stream has other moments; and who learns at the end does not move in between
            UpdateEvaluator updates = options.curvePoints == 0
                            || tasks == 0
                            || stream != scenario
                            || stream.tests().stream().anyMatch(t -> t.probe().isPresent())
                            || learner.capabilities().has(Trait.LEARNS_AT_END)
                    ? null
                    : new UpdateEvaluator(stream, cadence(options, planned), rng.child("evaluate"));
            LevelEvaluator levels = tasks == 0 || stream.schema().tree().isEmpty()
                    ? null
                    : new LevelEvaluator(
                            stream,
                            Math.max(1, planned / Math.max(1, options.curvePoints)),
                            options.curveRows,
                            rng.child("levels"));
            long[] measuring = new long[1];
            List<Probe<Learner>> probes = Stream.of(new FiniteLoss(), new TaskEvaluator(stream), updates, levels)
                    .filter(Objects::nonNull)
                    .map(p -> timed(p, measuring))
                    .toList();
            long rows = stream.experiences().stream()
                    .filter(e -> e.protocol().scored())
                    .mapToLong(e -> e.train().size())
                    .sum();
            Prequential.Config scores = Prequential.Config.points(rows, STREAM_POINTS);
            Run run = new Run(learner, stream, probes, log, rng.child("run"), scores);
            while (run.advance()) {
                listener.progress(run.steps(), planned);
                if (cancelled.getAsBoolean()) {
                    return ended(
                            plugin, config, seed, Status.CANCELLED, "cut off after " + run.steps() + " steps", log);
                }
            }
            StabilityGap gap = updates == null ? null : gap(updates, log);
            LevelScores known = levels == null ? null : levels.scores(log);
            long start = System.nanoTime();
            Memorisation heart = options.wrong == null ? null : options.wrong.of(learner);
            measuring[0] += System.nanoTime() - start;
            return finished(plugin, config, seed, run, tasks, gap, heart, known, measuring[0] * 1e-9);
        } catch (RuntimeException e) {
            return ended(
                    plugin, config, seed, Status.FAILED, e.getMessage() == null ? e.toString() : e.getMessage(), log);
        }
    }

    private static UpdateEvaluator.Options cadence(Options o, long planned) {
        return new UpdateEvaluator.Options(
                Math.max(1, planned / o.curvePoints), o.dense, o.curveRows, UpdateEvaluator.Draw.ONCE, Set.of());
    }

    /** Null where the metrics are not defined: tasks that come back, or that have no accuracy at some update. */
    private static StabilityGap gap(UpdateEvaluator updates, MetricLog log) {
        try {
            return StabilityGap.of(updates.curves(log));
        } catch (IllegalArgumentException undefined) {
            return null;
        }
    }

    /** The probe, with the time that it takes added up. */
    private static Probe<Learner> timed(Probe<Learner> p, long[] nanos) {
        return new Probe<>() {
            @Override
            public boolean due(Moment m) {
                return p.due(m);
            }

            @Override
            public void observe(Learner learner, Moment m, RunLog log) {
                long start = System.nanoTime();
                p.observe(learner, m, log);
                nanos[0] += System.nanoTime() - start;
            }
        };
    }

    private static <C extends Record> Result finished(
            LearnerPlugin<C> plugin,
            C config,
            long seed,
            Run run,
            int tasks,
            StabilityGap gap,
            Memorisation heart,
            LevelScores levels,
            double evaluateSeconds) {
        double[][] a = rowsAtEnd(run.log().square(TaskEvaluator.ACCURACY), tasks);
        Retention r = Retention.of(a, null);
        Streamed streamed = run.prequential().map(p -> Streamed.of(run)).orElse(null);
        Footprint f = run.learner().footprint();
        return new Result(
                plugin.name(),
                plugin.role(),
                seed,
                ConfigBinder.json(config),
                Status.DONE,
                "",
                Arrays.stream(a)
                        .map(row -> Arrays.stream(row).mapToObj(Trial::known).toArray(Double[]::new))
                        .toArray(Double[][]::new),
                tasks == 0 ? streamed.metrics().get(0).value() : last(r.averageAccuracy()),
                last(r.averageIncrementalAccuracy()),
                last(r.forgetting()),
                last(r.forgettingClassic()),
                last(r.backwardTransfer()),
                gap == null ? null : known(gap.minAccuracy()),
                gap == null ? null : known(gap.worstCaseAccuracy()),
                gap == null ? null : known(gap.window(StabilityGap.SHORT).forgetting()),
                curve(run.log()),
                heart == null ? null : known(heart.memorised()),
                heart == null ? null : known(heart.corrected()),
                levels,
                streamed,
                run.steps(),
                run.samples(),
                run.learnSeconds(),
                run.learnCpuSeconds(),
                evaluateSeconds,
                run.learnSeconds() / Math.max(1, run.steps()),
                f.parameters(),
                f.bytes(),
                f.shape());
    }

    private static List<Point> curve(MetricLog log) {
        return log.of(UpdateEvaluator.CURVE).stream()
                .map(e -> new Point(e.step(), e.samples(), e.task(), known(e.value())))
                .toList();
    }

    /** A rearranged stream has fewer parts than tasks: its last row is the state after all tasks. */
    private static double[][] rowsAtEnd(double[][] measured, int tasks) {
        if (measured.length == tasks) {
            return measured;
        }
        double[][] a = new double[tasks][tasks];
        for (double[] row : a) {
            Arrays.fill(row, Double.NaN);
        }
        a[tasks - 1] = measured[measured.length - 1];
        return a;
    }

    private static <C extends Record> Result ended(
            LearnerPlugin<C> plugin, C config, long seed, Status status, String message, MetricLog log) {
        return new Result(
                plugin.name(),
                plugin.role(),
                seed,
                ConfigBinder.json(config),
                status,
                message,
                new Double[0][],
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                curve(log),
                null,
                null,
                null,
                null,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                "");
    }

    private static Double last(double[] series) {
        return series.length == 0 ? null : known(series[series.length - 1]);
    }

    private static Double known(double v) {
        return Double.isFinite(v) ? v : null;
    }
}
