package dev.holdfast.data.corrupt;

import dev.holdfast.data.Corruption;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Takes rows away until few classes have many rows and many have few; ids and order stay.
 *
 * <p>Rows with one class: the i-th of C declared classes keeps {@code n_max factor^(-i/(C-1))} of its rows (Cui et al.:
 * <i>Class-Balanced Loss Based on Effective Number of Samples</i>, arXiv 1901.05555), at least one. Rows with label sets: the
 * counts of the labels are led towards {@link #pareto} counts from the largest count there is down to that over the factor,
 * labels that go along with many others first; one label after the other, random rows that have it are taken in, or out again,
 * until its count is met, which moves the counts of earlier labels on; then rows that hold only labels still short of theirs are
 * taken in (Wu et al., arXiv 2007.09654, section 4; Zhang et
 * al., arXiv 2304.10539). Immutable; safe from any thread.
 *
 * @param factor rows of the most frequent class to those of the rarest, >= 1
 * @param shape b of the Pareto counts of label sets, > 0
 */
public record LongTail(double factor, double shape) implements Corruption<LongTail.Counts> {
    private static final double TAIL = 0.01;

    public LongTail {
        if (!(factor >= 1) || Double.isInfinite(factor) || !(shape > 0) || Double.isInfinite(shape)) {
            throw new IllegalArgumentException(
                    "A long tail needs a finite factor >= 1, rows of the most frequent class to"
                            + " those of the rarest, and a shape > 0, but has " + factor + " and " + shape
                            + ".\nMaybe 'long-tail:100' is meant.");
        }
    }

    /** Pareto counts of shape 3. */
    public LongTail(double factor) {
        this(factor, 3);
    }

    /** Rows of each class before and after, by column. */
    public record Counts(long[] before, long[] after) {
        /** Rows of the most frequent class to those of the rarest that has any. */
        public double factor() {
            long max = Arrays.stream(after).max().orElse(0);
            long min = Arrays.stream(after).filter(n -> n > 0).min().orElse(1);
            return (double) max / min;
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "long tail from %d rows of a class to %d",
                    Arrays.stream(after).max().orElse(0),
                    Arrays.stream(after).min().orElse(0));
        }
    }

    @Override
    public WithTruth<Counts> apply(Dataset clean, Rng rng) {
        boolean[][] has = memberships(clean);
        int classes = clean.schema().classes().size();
        boolean single = clean.schema().target() == Target.ClassIds.class;
        boolean[] kept = single ? exponential(has, classes, rng) : greedy(has, classes, rng);
        int[] at = IntStream.range(0, kept.length).filter(i -> kept[i]).toArray();
        boolean[][] left = Arrays.stream(at).mapToObj(i -> has[i]).toArray(boolean[][]::new);
        return new WithTruth<>(clean.subset(at), new Counts(counts(has, classes), counts(left, classes)));
    }

    private static boolean[][] memberships(Dataset d) {
        try (Scope s = Scope.open()) {
            if (d.target() instanceof Target.MultiLabel m) {
                return m.sets();
            }
            int[] column = d.schema().classes().columnsOf(d.classIds());
            boolean[][] has = new boolean[column.length][d.schema().classes().size()];
            for (int i = 0; i < column.length; i++) {
                has[i][column[i]] = true;
            }
            return has;
        }
    }

    private static long[] counts(boolean[][] has, int classes) {
        long[] n = new long[classes];
        for (boolean[] row : has) {
            for (int c = 0; c < classes; c++) {
                n[c] += row[c] ? 1 : 0;
            }
        }
        return n;
    }

    private static int[] with(boolean[][] has, int label) {
        return IntStream.range(0, has.length).filter(i -> has[i][label]).toArray();
    }

    private boolean[] exponential(boolean[][] has, int classes, Rng rng) {
        boolean[] kept = new boolean[has.length];
        double max = Arrays.stream(counts(has, classes)).max().orElse(0);
        for (int c = 0; c < classes; c++) {
            int[] rows = with(has, c);
            double want = max * Math.pow(factor, -(double) c / Math.max(1, classes - 1));
            int n = (int) Math.min(rows.length, Math.max(1, Math.round(want)));
            int[] order = rng.child("class", c).permutation(rows.length);
            for (int k = 0; k < n; k++) {
                kept[rows[order[k]]] = true;
            }
        }
        return kept;
    }

    private boolean[] greedy(boolean[][] has, int classes, Rng rng) {
        long[] all = counts(has, classes);
        double max = Arrays.stream(all).max().orElse(0);
        long[] want = pareto(shape, max, Math.max(1, max / factor), classes);
        List<Integer> order = byCompany(has, all);
        boolean[] kept = new boolean[has.length];
        long[] now = new long[classes];
        for (int rank = 0; rank < classes; rank++) {
            int c = order.get(rank);
            int[] rows = with(has, c);
            int[] draw = rng.child("label", c).permutation(rows.length);
            boolean more = now[c] < want[rank];
            for (int k = 0; k < rows.length && now[c] != want[rank]; k++) {
                int i = rows[draw[k]];
                if (kept[i] != more) {
                    kept[i] = more;
                    for (int l = 0; l < classes; l++) {
                        now[l] += has[i][l] ? more ? 1 : -1 : 0;
                    }
                }
            }
        }
        refill(has, kept, now, order, want, rng);
        return kept;
    }

    /** Takes in rows of which every label is still short of its count: what rare labels took away from frequent ones. */
    private static void refill(boolean[][] has, boolean[] kept, long[] now, List<Integer> order, long[] want, Rng rng) {
        long[] limit = new long[now.length];
        for (int rank = 0; rank < limit.length; rank++) {
            limit[order.get(rank)] = want[rank];
        }
        for (int i : rng.child("refill").permutation(has.length)) {
            boolean[] row = has[i];
            int labels = 0;
            boolean room = !kept[i];
            for (int l = 0; l < row.length && room; l++) {
                labels += row[l] ? 1 : 0;
                room = !row[l] || now[l] < limit[l];
            }
            if (room && labels > 0) {
                kept[i] = true;
                for (int l = 0; l < row.length; l++) {
                    now[l] += row[l] ? 1 : 0;
                }
            }
        }
    }

    /** Labels by the sum over others of how often these have it along, the most companionable first. */
    private static List<Integer> byCompany(boolean[][] has, long[] count) {
        double[] company = new double[count.length];
        for (boolean[] row : has) {
            for (int c = 0; c < row.length; c++) {
                for (int o = 0; o < row.length; o++) {
                    company[c] += c != o && row[c] && row[o] ? 1.0 / count[o] : 0;
                }
            }
        }
        List<Integer> order =
                new ArrayList<>(IntStream.range(0, count.length).boxed().toList());
        order.sort(Comparator.comparingDouble((Integer c) -> -company[c]).thenComparingInt(c -> c));
        return order;
    }

    /** {@code floor((max - min) x^-(b+1) + min)} for n numbers x spread evenly from 1 to {@code 0.01^(-1/b)}. */
    public static long[] pareto(double b, double max, double min, int n) {
        long[] r = new long[n];
        double end = Math.pow(TAIL, -1 / b);
        for (int i = 0; i < n; i++) {
            double x = n == 1 ? 1 : 1 + (end - 1) * i / (n - 1);
            r[i] = (long) ((max - min) * Math.pow(x, -(b + 1)) + min);
        }
        return r;
    }
}
