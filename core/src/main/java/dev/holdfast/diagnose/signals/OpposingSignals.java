package dev.holdfast.diagnose.signals;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Finds the training rows that pull in opposite directions: those whose losses rise and fall most, in turns, from step to
 * step. One calls {@link #observe} with the losses of the same rows before and after every update, and {@link #report} when
 * enough was seen.
 *
 * <p>At every step the k largest rises and the k largest falls are marked; candidates are rows that are often in both sets,
 * and the sign of each candidate's weight in the first principal component of the changes says to which of two groups it
 * belongs. A window of the last steps is kept, n x window numbers. One thread.
 *
 * <p>Rosenfeld, Risteski: <i>Outliers with Opposing Signals Have an Outsized Effect on Neural Network Optimization</i>, arXiv
 * 2311.04163; scores and pairing are ours.
 */
public final class OpposingSignals {
    private static final long MOST = 50_000_000;

    private final int rows;
    private final int k;
    private final int window;
    private final Deque<double[]> changes = new ArrayDeque<>();
    private String stopped;

    /**
     * @param rows how many rows are watched
     * @param k rises, and falls, that are marked at a step; at most half of the rows
     * @param window steps that count
     */
    public OpposingSignals(int rows, int k, int window) {
        if (k < 1 || k > rows / 2) {
            throw new IllegalArgumentException("Of " + rows + " rows, k = " + k
                    + " rises and as many falls cannot be marked; expected k between 1 and " + rows / 2 + ".");
        }
        if (window < 2 || (long) window * rows > MOST) {
            throw new IllegalArgumentException("A window of " + window + " steps over " + rows
                    + " rows is too short or too large; expected at least 2 steps and at most " + MOST + " numbers.");
        }
        this.rows = rows;
        this.k = k;
        this.window = window;
    }

    /** Rows of the largest rises, largest first, ties by place [k]. */
    public static int[] rises(double[] changes, int k) {
        return IntStream.range(0, changes.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -changes[i]))
                .limit(k)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Rows of the largest falls, largest first, ties by place [k]. */
    public static int[] falls(double[] changes, int k) {
        return rises(Arrays.stream(changes).map(d -> -d).toArray(), k);
    }

    /** Takes in one step. Losses that are not finite end the observation; what was seen before stays. */
    public void observe(long step, double[] before, double[] after) {
        if (before.length != rows || after.length != rows) {
            throw new IllegalArgumentException("Step " + step + " has " + before.length + " losses before and "
                    + after.length + " after; expected " + rows + " of each.\nMaybe other rows were evaluated.");
        }
        if (stopped != null) {
            return;
        }
        double[] d = new double[rows];
        for (int i = 0; i < rows; i++) {
            d[i] = after[i] - before[i];
            if (!Double.isFinite(d[i])) {
                stopped = "The loss of row " + i + " was not finite at step " + step + "; what came before counts.";
                return;
            }
        }
        changes.addLast(d);
        if (changes.size() > window) {
            changes.removeFirst();
        }
    }

    /** Steps in the window now. */
    public int steps() {
        return changes.size();
    }

    /**
     * How rows behaved over the window, each [n].
     *
     * @param up steps at which the row was among the k largest rises
     * @param down steps at which it was among the k largest falls
     * @param both the smaller of the two
     * @param flips share of steps whose change has another sign (-1, 0, 1) than the one before
     */
    public record Scores(int[] up, int[] down, int[] both, double[] flips) {}

    /** The scores now. */
    public Scores scores() {
        int[] up = new int[rows];
        int[] down = new int[rows];
        double[] flips = new double[rows];
        double[] last = null;
        for (double[] d : changes) {
            for (int i : rises(d, k)) {
                up[i]++;
            }
            for (int i : falls(d, k)) {
                down[i]++;
            }
            for (int i = 0; last != null && i < rows; i++) {
                flips[i] += Math.signum(d[i]) != Math.signum(last[i]) ? 1 : 0;
            }
            last = d;
        }
        int pairs = Math.max(1, changes.size() - 1);
        return new Scores(
                up,
                down,
                IntStream.range(0, rows).map(i -> Math.min(up[i], down[i])).toArray(),
                Arrays.stream(flips).map(f -> f / pairs).toArray());
    }

    /**
     * Two groups whose losses move against each other.
     *
     * @param a places of the rows of one group, most often marked first; empty if none was found
     * @param b of the other
     * @param alternation share of steps at which the mean change of group a has the opposite sign of the step before
     * @param opposite share of steps at which the mean changes of the groups have opposite signs; NaN without both
     * @param steps steps that were looked at
     * @param note why the observation ended early; null if it did not
     */
    public record Report(int[] a, int[] b, double alternation, double opposite, int steps, String note) {
        /** Whether there are rows on both sides. */
        public boolean found() {
            return a.length > 0 && b.length > 0;
        }
    }

    /** Groups among so many candidates. */
    public Report report(int candidates) {
        if (candidates < 2) {
            throw new IllegalArgumentException("Groups need at least 2 candidates but there are " + candidates + ".");
        }
        Scores s = scores();
        double[] size = new double[rows];
        changes.forEach(d -> {
            for (int i = 0; i < rows; i++) {
                size[i] += Math.abs(d[i]);
            }
        });
        int[] chosen = IntStream.range(0, rows)
                .filter(i -> s.both[i] > 0)
                .boxed()
                .sorted(Comparator.comparingInt((Integer i) -> -s.both[i]).thenComparingDouble(i -> -size[i]))
                .limit(candidates)
                .mapToInt(Integer::intValue)
                .toArray();
        if (chosen.length < 2 || changes.size() < 2) {
            return new Report(new int[0], new int[0], Double.NaN, Double.NaN, changes.size(), stopped);
        }
        double[] side = side(chosen);
        // the side of the first candidate is group a
        double first = Math.signum(side[0]);
        int[] a = IntStream.range(0, chosen.length)
                .filter(i -> side[i] * first > 0)
                .map(i -> chosen[i])
                .toArray();
        int[] b = IntStream.range(0, chosen.length)
                .filter(i -> side[i] * first <= 0)
                .map(i -> chosen[i])
                .toArray();
        double[] ofA = means(a);
        double[] ofB = means(b);
        int turns = 0;
        int against = 0;
        for (int t = 0; t < ofA.length; t++) {
            turns += t > 0 && ofA[t] * ofA[t - 1] < 0 ? 1 : 0;
            against += b.length > 0 && ofA[t] * ofB[t] < 0 ? 1 : 0;
        }
        return new Report(
                a,
                b,
                turns / (double) (ofA.length - 1),
                b.length == 0 ? Double.NaN : against / (double) ofA.length,
                ofA.length,
                stopped);
    }

    /** Weights of the candidates in the first principal component of their changes. */
    private double[] side(int[] chosen) {
        List<double[]> d = new ArrayList<>();
        changes.forEach(
                all -> d.add(Arrays.stream(chosen).mapToDouble(i -> all[i]).toArray()));
        try (Scope s = Scope.open()) {
            return Tensors.doubles(LinearAlgebra.svd(Tensors.of(d.toArray(new double[0][])))
                    .v()
                    .select(1, 0));
        }
    }

    /** Mean change of some rows at every step of the window. */
    private double[] means(int[] of) {
        return changes.stream()
                .mapToDouble(
                        d -> Arrays.stream(of).mapToDouble(i -> d[i]).average().orElse(0))
                .toArray();
    }
}
