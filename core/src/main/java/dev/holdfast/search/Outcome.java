package dev.holdfast.search;

import dev.holdfast.evaluate.Trial;
import dev.holdfast.evaluate.metric.SessionScores;
import dev.holdfast.scenario.Scenario;
import java.util.Arrays;

/**
 * What one run of one setting with one seed came to.
 *
 * @param scores null if the run failed: the learner threw, diverged, or refused the setting
 * @param message why it failed; empty if it did not
 * @param learnSeconds wall seconds inside the learner
 * @param evaluateSeconds wall seconds of measuring
 * @param parameters trainable parameters at the end
 * @param bytes what the learner held at the end
 */
public record Outcome(
        SessionScores scores,
        String message,
        double learnSeconds,
        double evaluateSeconds,
        long parameters,
        long bytes) {
    static Outcome failed(String why) {
        return new Outcome(null, why, 0, 0, 0, 0);
    }

    /** The outcome of a finished trial; its row after each part must have every task so far. */
    public static Outcome of(Trial.Result r, Scenario s) {
        if (r.status() != Trial.Status.DONE) {
            return new Outcome(null, r.message(), r.learnSeconds(), r.evaluateSeconds(), r.parameters(), r.bytes());
        }
        long[] rows = s.tests().stream().mapToLong(t -> t.data().size()).toArray();
        double[][] a = Arrays.stream(r.square())
                .map(row -> Arrays.stream(row)
                        .mapToDouble(v -> v == null ? Double.NaN : v)
                        .toArray())
                .toArray(double[][]::new);
        return new Outcome(
                SessionScores.of(a, rows), "", r.learnSeconds(), r.evaluateSeconds(), r.parameters(), r.bytes());
    }
}
