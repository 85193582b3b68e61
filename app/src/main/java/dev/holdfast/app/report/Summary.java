package dev.holdfast.app.report;

import dev.holdfast.evaluate.LevelScores;
import dev.holdfast.evaluate.Streamed;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.registry.LearnerPlugin;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.DoubleStream;

/**
 * One learner over all its seeds. Undefined numbers are null.
 *
 * @param seeds finished seeds
 * @param status how its trials ended; DONE if any did
 * @param message why, if none is DONE
 * @param finalAccuracy AA after the last part
 * @param averageAccuracy AIA: AA averaged over the parts
 * @param forgetting FM (survey form): drop from the best of any earlier time
 * @param forgettingClassic FM (classic form): drop from the best since the task was learnt
 * @param backwardTransfer BWT
 * @param intransigence IM: what retraining on everything so far knows more about the newest task, averaged over the
 *     parts; against joint training, the last part only, where there is no retraining row
 * @param minAccuracy min-ACC: the least that was left of earlier tasks at any evaluated update, averaged over tasks
 * @param worstCaseAccuracy WC-ACC: the newest task's accuracy and min-ACC, weighted by tasks
 * @param windowedForgetting WF10: the largest drop within ten updates, averaged over tasks
 * @param memorised share of the training rows with wrong labels that is predicted as labelled; null without such
 * @param corrected share of them that is predicted as they truly are
 * @param levels accuracies of every level of a label tree, coarse to fine; empty without one
 * @param consistency share of rows whose finest prediction lies below the coarser ones; null without a tree
 * @param metrics all metrics of a stream tested row by row, the headline first; empty elsewhere
 * @param drifts times that the error rose on such a stream; null elsewhere
 * @param rowsPerSecond rows tested and learnt in a second, wall time inside the learner; null elsewhere
 * @param evaluateSeconds wall seconds of measuring
 * @param learnSeconds wall seconds inside the learner
 */
public record Summary(
        String learner,
        LearnerPlugin.Role role,
        int seeds,
        Trial.Status status,
        String message,
        Stat finalAccuracy,
        Stat averageAccuracy,
        Stat forgetting,
        Stat forgettingClassic,
        Stat backwardTransfer,
        Stat intransigence,
        Stat minAccuracy,
        Stat worstCaseAccuracy,
        Stat windowedForgetting,
        Stat memorised,
        Stat corrected,
        List<Level> levels,
        Stat consistency,
        List<Measured> metrics,
        Stat drifts,
        Stat rowsPerSecond,
        Stat cpuSeconds,
        Stat learnSeconds,
        Stat evaluateSeconds,
        Stat msPerBatch,
        long parameters,
        long bytes,
        String shape) {

    /** Mean and sample standard deviation over n seeds; sd is null for one. */
    public record Stat(double mean, Double sd, int n) {
        static Stat of(double[] v) {
            if (v.length == 0) {
                return null;
            }
            double mean = Arrays.stream(v).average().orElseThrow();
            if (v.length == 1) {
                return new Stat(mean, null, 1);
            }
            double squares = Arrays.stream(v).map(x -> (x - mean) * (x - mean)).sum();
            return new Stat(mean, Math.sqrt(squares / (v.length - 1)), v.length);
        }
    }

    /** A metric by name. */
    public record Measured(String name, Stat value) {}

    /** One level of a label tree. */
    public record Level(int level, int classes, Stat last, Stat average, Stat areaUnderCurve, Stat forgetting) {}

    /** One row a learner, best mean final accuracy first, those without a finished trial last. */
    public static List<Summary> of(List<Trial.Result> trials) {
        Map<String, List<Trial.Result>> byLearner = new LinkedHashMap<>();
        trials.forEach(r ->
                byLearner.computeIfAbsent(r.learner(), k -> new ArrayList<>()).add(r));
        List<Summary> rows = new ArrayList<>();
        byLearner.values().forEach(own -> rows.add(row(own, trials)));
        rows.sort(Comparator.comparingDouble(
                (Summary s) -> s.finalAccuracy == null ? Double.POSITIVE_INFINITY : -s.finalAccuracy.mean));
        return List.copyOf(rows);
    }

    private static Summary row(List<Trial.Result> own, List<Trial.Result> all) {
        List<Trial.Result> done =
                own.stream().filter(r -> r.status() == Trial.Status.DONE).toList();
        Trial.Result one = done.isEmpty() ? own.get(0) : done.get(done.size() - 1);
        return new Summary(
                one.learner(),
                one.role(),
                done.size(),
                one.status(),
                one.message(),
                stat(done, Trial.Result::averageAccuracy),
                stat(done, Trial.Result::averageIncrementalAccuracy),
                stat(done, Trial.Result::forgetting),
                stat(done, Trial.Result::forgettingClassic),
                stat(done, Trial.Result::backwardTransfer),
                stat(done, r -> intransigence(r, all)),
                stat(done, Trial.Result::minAccuracy),
                stat(done, Trial.Result::worstCaseAccuracy),
                stat(done, Trial.Result::windowedForgetting),
                stat(done, Trial.Result::memorised),
                stat(done, Trial.Result::corrected),
                levels(done),
                stat(done, r -> r.levels() == null ? null : r.levels().consistency()),
                metrics(done),
                stat(
                        done,
                        r -> r.streamed() == null ? null : (double) r.streamed().drifts()),
                stat(done, r -> r.streamed() == null || r.learnSeconds() == 0 ? null : r.samples() / r.learnSeconds()),
                stat(done, Trial.Result::cpuSeconds),
                stat(done, Trial.Result::learnSeconds),
                stat(done, Trial.Result::evaluateSeconds),
                stat(done, r -> 1000 * r.secondsPerBatch()),
                one.parameters(),
                one.bytes(),
                one.shape());
    }

    private static List<Level> levels(List<Trial.Result> done) {
        if (done.isEmpty() || done.get(0).levels() == null) {
            return List.of();
        }
        return done.get(0).levels().levels().stream()
                .map(l -> {
                    Function<Function<LevelScores.Level, Double>, Stat> of = number ->
                            stat(done, r -> number.apply(r.levels().levels().get(l.level())));
                    return new Level(
                            l.level(),
                            l.classes(),
                            of.apply(LevelScores.Level::last),
                            of.apply(LevelScores.Level::average),
                            of.apply(LevelScores.Level::areaUnderCurve),
                            of.apply(LevelScores.Level::forgetting));
                })
                .toList();
    }

    private static List<Measured> metrics(List<Trial.Result> done) {
        if (done.isEmpty() || done.get(0).streamed() == null) {
            return List.of();
        }
        List<Measured> all = new ArrayList<>();
        List<Streamed.Metric> first = done.get(0).streamed().metrics();
        for (int i = 0; i < first.size(); i++) {
            int at = i;
            all.add(new Measured(
                    first.get(i).name(),
                    stat(done, r -> r.streamed().metrics().get(at).value())));
        }
        return List.copyOf(all);
    }

    private static Stat stat(List<Trial.Result> done, Function<Trial.Result, Double> number) {
        return Stat.of(done.stream()
                .map(number)
                .filter(Objects::nonNull)
                .mapToDouble(Double::doubleValue)
                .toArray());
    }

    /** IM of one trial against the bound of its seed; null for bounds themselves and where there is none. */
    static Double intransigence(Trial.Result r, List<Trial.Result> all) {
        if (r.role() == LearnerPlugin.Role.BOUND || r.square().length == 0) {
            return null;
        }
        int last = r.square().length - 1;
        Double[][] retrained = bound("cumulative", r, all);
        if (retrained != null) {
            double[] gaps = java.util.stream.IntStream.rangeClosed(0, last)
                    .filter(k -> retrained[k][k] != null && r.square()[k][k] != null)
                    .mapToDouble(k -> retrained[k][k] - r.square()[k][k])
                    .toArray();
            return gaps.length == 0 ? null : DoubleStream.of(gaps).average().orElseThrow();
        }
        Double[][] joint = bound("joint", r, all);
        return joint == null || joint[last][last] == null || r.square()[last][last] == null
                ? null
                : joint[last][last] - r.square()[last][last];
    }

    private static Double[][] bound(String name, Trial.Result r, List<Trial.Result> all) {
        return all.stream()
                .filter(o -> o.learner().equals(name)
                        && o.seed() == r.seed()
                        && o.status() == Trial.Status.DONE
                        && o.square().length == r.square().length)
                .findFirst()
                .map(Trial.Result::square)
                .orElse(null);
    }
}
