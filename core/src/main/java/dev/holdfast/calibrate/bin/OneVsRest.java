package dev.holdfast.calibrate.bin;

import dev.holdfast.calibrate.HeldOut;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * One class against the rest: its probabilities in rising order and whether they came true. Plain arrays; what fits
 * them sorts and walks.
 */
record OneVsRest(double[] p, double[] hit) {
    /** Every class of the rows. */
    static OneVsRest[] of(HeldOut rows) {
        int c = rows.columns().size();
        int n = rows.label().length;
        double[] p = Tensors.doubles(rows.logits().softmax(1).t());
        OneVsRest[] all = new OneVsRest[c];
        for (int k = 0; k < c; k++) {
            double[] q = Arrays.copyOfRange(p, k * n, (k + 1) * n);
            double[] hit = new double[n];
            for (int i = 0; i < n; i++) {
                hit[i] = rows.label()[i] == k ? 1 : 0;
            }
            all[k] = sorted(q, hit);
        }
        return all;
    }

    /** All classes in one. */
    static OneVsRest merged(OneVsRest[] all) {
        return sorted(
                Arrays.stream(all).flatMapToDouble(o -> Arrays.stream(o.p)).toArray(),
                Arrays.stream(all).flatMapToDouble(o -> Arrays.stream(o.hit)).toArray());
    }

    private static OneVsRest sorted(double[] p, double[] hit) {
        int[] order = IntStream.range(0, p.length)
                .boxed()
                .sorted((a, b) -> Double.compare(p[a], p[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        return new OneVsRest(
                Arrays.stream(order).mapToDouble(i -> p[i]).toArray(),
                Arrays.stream(order).mapToDouble(i -> hit[i]).toArray());
    }

    int size() {
        return p.length;
    }

    /** Whether the class occurs; one that does not tells nothing about its probabilities. */
    boolean occurs() {
        return Arrays.stream(hit).anyMatch(h -> h > 0);
    }

    /** First position whose probability is above an edge. */
    int above(double edge) {
        int low = 0;
        int high = p.length;
        while (low < high) {
            int mid = (low + high) >>> 1;
            if (p[mid] <= edge) {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        return low;
    }

    /** Log-odds of every probability, kept finite. */
    double[] odds() {
        return Arrays.stream(p)
                .map(x -> Math.min(1 - 1e-12, Math.max(1e-12, x)))
                .map(x -> Math.log(x) - Math.log1p(-x))
                .toArray();
    }
}
