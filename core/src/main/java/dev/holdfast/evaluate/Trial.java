package dev.holdfast.evaluate;

import dev.holdfast.evaluate.metric.Retention;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * One learner through one scenario with one seed, and what came out: the unit of comparisons and studies. A pure
 * function of its arguments, but for the seconds.
 */
public final class Trial {
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
     */
    public record Options(int curvePoints, int curveRows) {
        public Options {
            if (curvePoints < 0 || curveRows < 1) {
                throw new IllegalArgumentException("A curve needs curvePoints >= 0 and curveRows >= 1 but has "
                        + curvePoints + " and " + curveRows + ".");
            }
        }

        public static Options defaults() {
            return new Options(60, 200);
        }
    }

    /** One point of accuracy over time. */
    public record Point(long step, long samples, int task, Double accuracy) {}

    /**
     * What came out; undefined numbers are null.
     *
     * @param square a[k][j], accuracy on task j after part k; null entries where not measured
     * @param averageAccuracy AA after the last part
     * @param averageIncrementalAccuracy AIA after the last part
     * @param forgetting FM (survey form) after the last part
     * @param forgettingClassic FM (classic form) after the last part
     * @param backwardTransfer BWT after the last part
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
            List<Point> curve,
            long steps,
            long samples,
            double learnSeconds,
            double cpuSeconds,
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
     * message, so that one bad learner does not spoil a comparison.
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
        try (Scope all = Scope.open();
                Learner learner = plugin.create(config, scenario.schema(), rng.child("learner"))) {
            Scenario stream = plugin.arrange(scenario);
            List<String> why = Compatibility.obstacles(learner.capabilities(), stream);
            if (!why.isEmpty()) {
                return ended(plugin, config, seed, Status.REFUSED, String.join("; ", why));
            }
            long planned = Run.plannedSteps(stream);
            Run run = new Run(
                    learner,
                    stream,
                    // a rearranged stream has other moments; and who learns at the end does not move in between
                    options.curvePoints == 0
                                    || stream != scenario
                                    || learner.capabilities().has(Trait.LEARNS_AT_END)
                            ? List.of(new TaskEvaluator(stream))
                            : List.of(
                                    new TaskEvaluator(stream),
                                    new UpdateEvaluator(
                                            stream,
                                            Math.max(1, planned / options.curvePoints),
                                            options.curveRows,
                                            rng.child("evaluate"))),
                    new MetricLog(),
                    rng.child("run"));
            while (run.advance()) {
                listener.progress(run.steps(), planned);
                if (cancelled.getAsBoolean()) {
                    return ended(plugin, config, seed, Status.CANCELLED, "cut off after " + run.steps() + " steps");
                }
            }
            return finished(plugin, config, seed, run, tasks);
        } catch (RuntimeException e) {
            return ended(plugin, config, seed, Status.FAILED, e.getMessage() == null ? e.toString() : e.getMessage());
        }
    }

    private static <C extends Record> Result finished(
            LearnerPlugin<C> plugin, C config, long seed, Run run, int tasks) {
        double[][] a = rowsAtEnd(run.log().square(TaskEvaluator.ACCURACY), tasks);
        Retention r = Retention.of(a, null);
        Footprint f = run.learner().footprint();
        List<Point> curve = run.log().of(UpdateEvaluator.CURVE).stream()
                .map(e -> new Point(e.step(), e.samples(), e.task(), known(e.value())))
                .toList();
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
                last(r.averageAccuracy()),
                last(r.averageIncrementalAccuracy()),
                last(r.forgetting()),
                last(r.forgettingClassic()),
                last(r.backwardTransfer()),
                curve,
                run.steps(),
                run.samples(),
                run.learnSeconds(),
                run.learnCpuSeconds(),
                run.learnSeconds() / Math.max(1, run.steps()),
                f.parameters(),
                f.bytes(),
                f.shape());
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
            LearnerPlugin<C> plugin, C config, long seed, Status status, String message) {
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
                List.of(),
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
        return known(series[series.length - 1]);
    }

    private static Double known(double v) {
        return Double.isFinite(v) ? v : null;
    }
}
