package dev.holdfast.evaluate.metric;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How well scores rank, for each label, the rows that have it: the mean over these rows, best score first, of the share of
 * them among all rows down to there. Rows of equal score keep their order. NaN for a label that no row has.
 *
 * <p>As means over labels in Lin et al.: <i>Microsoft COCO</i>, and by number of training rows (many, medium, few) in Wu et
 * al., arXiv 2007.09654. Pure; safe from any thread.
 *
 * @param each of every label, in [0, 1]
 */
public record AveragePrecision(double[] each) {
    /** Training rows from which a label has many. */
    public static final int MANY = 100;

    /** Training rows below which a label has few. */
    public static final int FEW = 20;

    /**
     * Means over the labels with many, some and few training rows, over all labels, and of the three means; NaN where there is
     * no label.
     */
    public record Shots(double many, double medium, double few, double total) {
        /** Mean of the three groups that have labels. */
        public double ofGroups() {
            return Arrays.stream(new double[] {many, medium, few})
                    .filter(v -> !Double.isNaN(v))
                    .average()
                    .orElse(Double.NaN);
        }
    }

    /** @param scores [n, L]
     * @param labels [n, L] in {0, 1} */
    public static AveragePrecision of(Tensor scores, Tensor labels) {
        Tensors.requireShape("labels to rank by", labels, scores.size(0), scores.size(1));
        Tensors.requireFinite("Scores to rank by", scores);
        try (Scope s = Scope.open()) {
            Tensor order = torch.argsort(scores.detach(), true, 0, true);
            Tensor hit = labels.to(ScalarType.Double).gather(0, order);
            Tensor rank = torch.arange(Tensors.scalar(1), Tensors.scalar(scores.size(0) + 1.0))
                    .to(ScalarType.Double)
                    .unsqueeze(1);
            // 0 / 0 = NaN where no row has the label
            Tensor sum = hit.cumsum(0).div(rank).mul(hit).sum(0);
            return new AveragePrecision(Tensors.doubles(sum.div(hit.sum(0))));
        }
    }

    /** Mean over the labels that some row has; NaN if there is none. */
    public double mean() {
        return mean(c -> true);
    }

    /** Means by number of training rows of each label: {@link #MANY} or more, fewer than {@link #FEW}, between. */
    public Shots by(double[] trainingRows) {
        return by(trainingRows, MANY, FEW);
    }

    /** The same with other bounds. */
    public Shots by(double[] trainingRows, double many, double few) {
        if (trainingRows.length != each.length) {
            throw new IllegalArgumentException("There are average precisions of " + each.length
                    + " labels but counts of " + trainingRows.length + ".");
        }
        return new Shots(
                mean(c -> trainingRows[c] >= many),
                mean(c -> trainingRows[c] >= few && trainingRows[c] < many),
                mean(c -> trainingRows[c] < few),
                mean());
    }

    private double mean(IntPredicate of) {
        return IntStream.range(0, each.length)
                .filter(of)
                .mapToDouble(c -> each[c])
                .filter(v -> !Double.isNaN(v))
                .average()
                .orElse(Double.NaN);
    }
}
