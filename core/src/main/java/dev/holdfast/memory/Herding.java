package dev.holdfast.memory;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Herding: rows chosen one after the other so that the mean of the chosen stays as near as possible to the mean of all.
 *
 * <p>k-th choice = argmin over rows not yet chosen of ||mu - (f + sum of chosen) / k||. Welling 2009; Rebuffi et al.,
 * iCaRL, arXiv 1611.07725, algorithm 4.
 */
public final class Herding {
    private Herding() {}

    /** Positions of the first {@code count} choices among features [n, D], in order; ties go to the lower row. */
    public static int[] select(Tensor features, int count) {
        Tensors.requireShape("features", features, -1, -1);
        if (count < 0 || count > features.size(0)) {
            throw new IllegalArgumentException("Herding cannot choose " + count + " of " + features.size(0) + " rows.");
        }
        return select(Tensors.rows(features), count);
    }

    private static int[] select(double[][] f, int count) {
        int d = f.length == 0 ? 0 : f[0].length;
        double[] mean = new double[d];
        for (double[] row : f) {
            for (int j = 0; j < d; j++) {
                mean[j] += row[j] / f.length;
            }
        }
        int[] order = new int[count];
        boolean[] taken = new boolean[f.length];
        double[] sum = new double[d];
        try (Scope s = Scope.open()) {
            for (int k = 1; k <= count; k++) {
                int best = -1;
                double bestDistance = Double.POSITIVE_INFINITY;
                for (int i = 0; i < f.length; i++) {
                    if (taken[i]) {
                        continue;
                    }
                    double distance = 0;
                    for (int j = 0; j < d; j++) {
                        double e = mean[j] - (f[i][j] + sum[j]) / k;
                        distance += e * e;
                    }
                    if (distance < bestDistance) {
                        bestDistance = distance;
                        best = i;
                    }
                }
                taken[best] = true;
                order[k - 1] = best;
                for (int j = 0; j < d; j++) {
                    sum[j] += f[best][j];
                }
            }
        }
        return order;
    }
}
