package dev.holdfast.select;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** How much a student would learn from the label of a row, by what it thinks of the row now: from 0 (sure) to 1. */
public enum Informativeness {
    /** 1 - (largest - second largest probability): what robust active distillation uses. */
    MARGIN,
    /** 1 - largest probability. */
    LEAST_CONFIDENCE,
    /** Entropy over log C. */
    ENTROPY;

    private static final double TOLERANCE = 1e-4;

    /**
     * The gain of each row.
     *
     * @param probabilities [n, C >= 2], rows sum to 1
     * @throws IllegalArgumentException for numbers that are not probabilities, by row
     */
    public double[] of(Tensor probabilities) {
        if (probabilities == null) {
            throw new IllegalArgumentException("This rule looks at the student's probabilities, but there are none."
                    + "\nMaybe the student is to be trained on the labelled rows first.");
        }
        Tensors.requireShape("probabilities of the candidates", probabilities, -1, -1);
        if (probabilities.size(1) < 2) {
            throw new IllegalArgumentException("With a single class there is nothing to ask about.");
        }
        try (Scope s = Scope.open()) {
            Tensor p = probabilities.detach().to(ScalarType.Double);
            requireProbabilities(p);
            Tensor gain =
                    switch (this) {
                        case MARGIN -> {
                            Tensor two = p.topk(2, 1, true, true).get0();
                            yield two.select(1, 1).sub(two.select(1, 0)).add(Tensors.scalar(1));
                        }
                        case LEAST_CONFIDENCE ->
                            p.topk(1, 1, true, true).get0().sum(1).neg().add(Tensors.scalar(1));
                        case ENTROPY -> p.xlogy(p).sum(1).div(Tensors.scalar(-Math.log(p.size(1))));
                    };
            return Tensors.doubles(gain.clamp_min(Tensors.scalar(0)));
        }
    }

    private static void requireProbabilities(Tensor p) {
        Tensors.requireFinite("The student's probabilities", p);
        double[] sum = Tensors.doubles(p.sum(1));
        double[] least = Tensors.doubles(p.topk(1, 1, false, false).get0().sum(1));
        for (int i = 0; i < sum.length; i++) {
            if (Math.abs(sum[i] - 1) > TOLERANCE || least[i] < 0) {
                throw new IllegalArgumentException("The probabilities of row " + i + " sum to " + sum[i]
                        + ", the smallest is " + least[i] + "; expected numbers >= 0 that sum to 1."
                        + "\nMaybe these are logits.");
            }
        }
    }
}
