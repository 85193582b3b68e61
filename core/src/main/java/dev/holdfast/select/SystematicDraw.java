package dev.holdfast.select;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Drawing exactly b of n rows, each at most once, with stated chances. Pure functions; safe from any thread. */
public final class SystematicDraw {
    private static final double EPSILON = 1e-9;

    private SystematicDraw() {}

    /**
     * Chance of each row to be among b: {@code min(1, tau p_i)} that sum to b. Where no more than b rows have a probability,
     * all of them are certain, and so are the largest gains among the others.
     *
     * @param p a distribution
     * @param gains by which rows are filled in; ties go to the lower position
     * @param budget b, 1 to n
     */
    public static double[] inclusion(double[] p, double[] gains, int budget) {
        int n = p.length;
        if (gains.length != n || budget < 1 || budget > n) {
            throw new IllegalArgumentException("A budget of " + budget + " over " + n + " probabilities and "
                    + gains.length + " gains; expected as many gains, and a budget of 1 to " + n + ".");
        }
        double[] q = new double[n];
        int[] support = IntStream.range(0, n).filter(i -> p[i] > 0).toArray();
        if (support.length <= budget) {
            for (int i : support) {
                q[i] = 1;
            }
            IntStream.range(0, n)
                    .filter(i -> p[i] <= 0)
                    .boxed()
                    .sorted(Comparator.comparingDouble(i -> -gains[i]))
                    .limit(budget - support.length)
                    .forEach(i -> q[i] = 1);
            return q;
        }
        // the largest are certain one after the other, until the rest of the budget fits the rest of the probability
        int[] order = Arrays.stream(support)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -p[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        double rest = Arrays.stream(order).mapToDouble(i -> p[i]).sum();
        int certain = 0;
        while (certain < budget && p[order[certain]] * (budget - certain) >= rest) {
            rest -= p[order[certain]];
            q[order[certain++]] = 1;
        }
        for (int k = certain; k < order.length; k++) {
            q[order[k]] = Math.min(1, p[order[k]] * (budget - certain) / rest);
        }
        return q;
    }

    /**
     * Systematic sampling: the chances stand in a row, and every whole number after u hits one. Each row is hit with its own
     * chance, and exactly as many are hit as the chances sum to.
     *
     * @param q chances in [0, 1] that sum to a whole number
     * @param u one uniform number in [0, 1)
     * @return the rows that are hit, ascending
     */
    public static int[] draw(double[] q, double u) {
        double sum = 0;
        for (int i = 0; i < q.length; i++) {
            if (!(q[i] >= 0 && q[i] <= 1 + EPSILON)) {
                throw new IllegalArgumentException("The chance of row " + i + " is " + q[i] + "; expected 0 to 1.");
            }
            sum += q[i];
        }
        int count = (int) Math.round(sum);
        if (Math.abs(sum - count) > EPSILON * (1 + q.length)) {
            throw new IllegalArgumentException("The chances sum to " + sum + "; expected a whole number.");
        }
        if (!(u >= 0 && u < 1)) {
            throw new IllegalArgumentException("u must be in [0, 1) but is " + u + ".");
        }
        int[] hit = new int[count];
        double reached = 0;
        int taken = 0;
        int last = -1;
        for (int i = 0; i < q.length && taken < count; i++) {
            reached += q[i];
            if (q[i] > 0) {
                last = i;
                if (u + taken < reached) {
                    hit[taken++] = i;
                }
            }
        }
        // rounding may leave the last number just beyond the end
        if (taken == count - 1 && (taken == 0 || hit[taken - 1] != last)) {
            hit[taken++] = last;
        }
        if (taken < count) {
            throw new IllegalStateException("Only " + taken + " of " + count + " rows were hit.");
        }
        return hit;
    }
}
