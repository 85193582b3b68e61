package dev.holdfast.evaluate.metric;

import java.util.Arrays;
import java.util.List;

/**
 * Scores of class-incremental learning as protocols of that field count them: after every session the accuracy over all
 * test rows of the classes seen so far, so that a session weighs by its rows. A pure function of the accuracy square
 * a[k][j] (as in {@link Retention}) and the rows n_j of every test set.
 *
 * <p>Cha, Cho, <i>Hyperparameters in Continual Learning: A Reality Check</i>, arXiv 2403.09066.
 *
 * @param afterEach A_k = sum over j <= k of n_j a[k][j] / sum over j <= k of n_j
 * @param average mean over k of A_k
 * @param last A_K
 * @param forgetting mean over j < K of max over k >= j of (a[k][j]) - a[K][j]; the last row is part of the maximum, so it
 *     is >= 0; NaN for one session
 */
public record SessionScores(List<Double> afterEach, double average, double last, double forgetting) {
    public SessionScores {
        afterEach = List.copyOf(afterEach);
    }

    /**
     * @param a the square; of row k the entries 0..k are read
     * @param rows test rows of every session, >= 1
     */
    public static SessionScores of(double[][] a, long... rows) {
        int sessions = a.length;
        if (sessions == 0 || rows.length != sessions) {
            throw new IllegalArgumentException("Scores need the test rows of every session but there are " + sessions
                    + " sessions and " + rows.length + " counts.");
        }
        Double[] after = new Double[sessions];
        for (int k = 0; k < sessions; k++) {
            double right = 0;
            double all = 0;
            for (int j = 0; j <= k; j++) {
                if (rows[j] < 1 || a[k].length <= j || Double.isNaN(a[k][j])) {
                    throw new IllegalArgumentException("After session " + k + " session " + j + " has " + rows[j]
                            + " test rows and the accuracies " + Arrays.toString(a[k])
                            + "; expected rows and a number for every session so far.");
                }
                right += rows[j] * a[k][j];
                all += rows[j];
            }
            after[k] = right / all;
        }
        double forgotten = 0;
        for (int j = 0; j < sessions - 1; j++) {
            double best = a[j][j];
            for (int k = j + 1; k < sessions; k++) {
                best = Math.max(best, a[k][j]);
            }
            forgotten += best - a[sessions - 1][j];
        }
        return new SessionScores(
                Arrays.asList(after),
                Arrays.stream(after).mapToDouble(Double::doubleValue).average().orElseThrow(),
                after[sessions - 1],
                sessions == 1 ? Double.NaN : forgotten / (sessions - 1));
    }
}
