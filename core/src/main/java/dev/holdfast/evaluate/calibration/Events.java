package dev.holdfast.evaluate.calibration;

import dev.holdfast.math.KMeans1d;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Predicted probabilities of events and whether they came true (1) or not (0), and how they are put into bins: a bin is
 * named for every event, -1 = none. Arrays are not copied.
 */
record Events(double[] p, double[] hit) {
    /** Mean prediction and frequency of one bin. */
    record Bin(int count, double p, double hit) {
        double gap() {
            return p - hit;
        }
    }

    int size() {
        return p.length;
    }

    /** Positions by rising value, equal ones in their order. */
    static int[] order(double[] values) {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted((a, b) -> Double.compare(values[a], values[b]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Only the events that are predicted with more than {@code least}. */
    Events above(double least) {
        int[] keep = IntStream.range(0, p.length).filter(i -> p[i] > least).toArray();
        return new Events(
                Arrays.stream(keep).mapToDouble(i -> p[i]).toArray(),
                Arrays.stream(keep).mapToDouble(i -> hit[i]).toArray());
    }

    /** Bins of equal width over [0, 1], (low, high]; 0 itself is in none. */
    int[] upToEdge(int bins) {
        int[] in = new int[p.length];
        for (int i = 0; i < in.length; i++) {
            int b = Math.min(bins, Math.max(0, (int) Math.ceil(p[i] * bins))) - 1;
            while (b >= 0 && p[i] <= (double) b / bins) {
                b--;
            }
            while (b + 1 < bins && p[i] > (b + 1.0) / bins) {
                b++;
            }
            in[i] = b;
        }
        return in;
    }

    /** Bins of equal width over [0, 1], [low, high); 1 itself is in the last. */
    int[] fromEdge(int bins) {
        int[] in = new int[p.length];
        for (int i = 0; i < in.length; i++) {
            int b = Math.min(bins - 1, (int) (p[i] * bins));
            while (b > 0 && p[i] < (double) b / bins) {
                b--;
            }
            while (b + 1 < bins && p[i] >= (b + 1.0) / bins) {
                b++;
            }
            in[i] = b;
        }
        return in;
    }

    /** Clusters of {@link KMeans1d}. */
    int[] clustered(int bins) {
        int[] order = order(p);
        int[] sorted = KMeans1d.ofSorted(
                        Arrays.stream(order).mapToDouble(i -> p[i]).toArray(), bins)
                .assign();
        int[] in = new int[p.length];
        for (int r = 0; r < order.length; r++) {
            in[order[r]] = sorted[r];
        }
        return in;
    }

    /** What each bin holds; empty ones have count 0. */
    Bin[] bins(int[] in, int bins) {
        int[] n = new int[bins];
        double[] sum = new double[bins];
        double[] hits = new double[bins];
        for (int i = 0; i < in.length; i++) {
            if (in[i] >= 0) {
                n[in[i]]++;
                sum[in[i]] += p[i];
                hits[in[i]] += hit[i];
            }
        }
        Bin[] b = new Bin[bins];
        for (int j = 0; j < bins; j++) {
            b[j] = n[j] == 0 ? new Bin(0, 0, 0) : new Bin(n[j], sum[j] / n[j], hits[j] / n[j]);
        }
        return b;
    }

    /** Gaps weighted by the bins' shares of {@code of} events; norm 1: their mean, norm 2: the root of their squares. */
    static double gap(Bin[] bins, int of, int norm) {
        double sum = 0;
        for (Bin b : bins) {
            double g = Math.abs(b.gap());
            sum += (double) b.count / of * (norm == 1 ? g : g * g);
        }
        return norm == 1 ? sum : Math.sqrt(sum);
    }
}
