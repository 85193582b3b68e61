package dev.holdfast.diagnose.training;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What was measured while something was trained: one entry a look, in order of steps. Numbers that were not measured are NaN.
 * Immutable.
 */
public record Diary(List<Entry> entries) {
    /**
     * One look.
     *
     * @param step updates done
     * @param rate learning rate of the next update
     * @param batchLoss loss of the batch that comes next
     * @param gradientNorm Euclidean norm of its gradient
     * @param loss mean loss over the watched rows
     * @param accuracy share of the watched rows that are classified as labelled
     * @param largestLogit largest magnitude of a logit
     * @param logZ mean of log sum exp of a row's logits
     * @param collapsed share of watched rows whose float32 softmax is exactly 1 for one class
     * @param zeroLosses share of watched rows whose loss is exactly 0
     * @param scaling cosine between a step against the watched rows' gradient and the weights
     * @param gradientSize root mean square of an entry of the watched rows' gradient
     * @param sharpness largest eigenvalue of the Hessian over the watched rows, in units of what the rule divides by
     * @param edge sharpness above which this rule oscillates at this rate
     * @param testAccuracy share of the test rows that are classified correctly
     * @param attentionLogit largest magnitude of an attention logit, before the softmax; NaN for nets without attention
     */
    public record Entry(
            long step,
            double rate,
            double batchLoss,
            double gradientNorm,
            double loss,
            double accuracy,
            double largestLogit,
            double logZ,
            double collapsed,
            double zeroLosses,
            double scaling,
            double gradientSize,
            double sharpness,
            double edge,
            double testAccuracy,
            double attentionLogit) {}

    public Diary {
        entries = List.copyOf(entries);
        for (int i = 1; i < entries.size(); i++) {
            if (entries.get(i).step < entries.get(i - 1).step) {
                throw new IllegalArgumentException("Entry " + i + " is of step " + entries.get(i).step
                        + " but comes after step " + entries.get(i - 1).step + ".\nMaybe two runs are in one log.");
            }
        }
    }

    /** The numbers of one kind that were measured, in order. */
    public double[] series(ToDoubleFunction<Entry> of) {
        return entries.stream().mapToDouble(of).filter(v -> !Double.isNaN(v)).toArray();
    }

    /** The last one that was measured; NaN for none. */
    public double last(ToDoubleFunction<Entry> of) {
        double[] s = series(of);
        return s.length == 0 ? Double.NaN : s[s.length - 1];
    }

    /** The first one that was measured; NaN for none. */
    public double first(ToDoubleFunction<Entry> of) {
        double[] s = series(of);
        return s.length == 0 ? Double.NaN : s[0];
    }

    /** The largest of them; NaN for none. */
    public double largest(ToDoubleFunction<Entry> of) {
        double most = Double.NaN;
        for (double v : series(of)) {
            most = Double.isNaN(most) || v > most ? v : most;
        }
        return most;
    }

    /** Their median; NaN for none. */
    public double median(ToDoubleFunction<Entry> of) {
        double[] s = entries.stream()
                .mapToDouble(of)
                .filter(v -> !Double.isNaN(v))
                .sorted()
                .toArray();
        return s.length == 0 ? Double.NaN : s[s.length / 2];
    }
}
