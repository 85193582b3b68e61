package dev.holdfast.metricspace;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Distances between N labels 0..N-1: symmetric, finite, not negative, 0 from a label to itself. Rows are made when asked
 * for, so that large label spaces never need N x N numbers. Immutable; safe from any thread.
 */
public interface LabelMetric {
    /** N. */
    int size();

    /** Distances from a label to every label [N]. */
    double[] row(int label);

    /** Distance between two labels. */
    default double distance(int a, int b) {
        return row(a)[checked(b)];
    }

    /** Squared distances float64 [K, N] from some labels to every label. */
    default Tensor squared(int... labels) {
        double[] flat = new double[Math.multiplyExact(labels.length, size())];
        for (int i = 0; i < labels.length; i++) {
            double[] r = row(labels[i]);
            for (int y = 0; y < r.length; y++) {
                flat[i * r.length + y] = r[y] * r[y];
            }
        }
        return Tensors.of(flat, labels.length, size());
    }

    /** The label itself, refused where there is none of that number. */
    default int checked(int label) {
        if (label < 0 || label >= size()) {
            throw new IllegalArgumentException(
                    "There is no label " + label + "; the labels are 0.." + (size() - 1) + ".");
        }
        return label;
    }

    /** Refuses observed labels that are none, out of range, or named twice. */
    default int[] requireObserved(int... observed) {
        if (observed.length == 0) {
            throw new IllegalArgumentException("At least one label must be observed but there is none.");
        }
        java.util.Set<Integer> seen = new java.util.HashSet<>();
        for (int o : observed) {
            if (!seen.add(checked(o))) {
                throw new IllegalArgumentException(
                        "Label " + o + " is observed twice; every observed label is one column.");
            }
        }
        return observed.clone();
    }
}
