package dev.holdfast.loss;

import dev.holdfast.run.Term;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** A loss that every row has for itself: [n] with graph. */
public record SampleLosses(String name, Tensor perSample, Reduction reduction) implements LossValue {
    public SampleLosses {
        Tensors.requireShape("losses of the rows", perSample, -1);
    }

    @Override
    public Tensor total(Tensor weights) {
        long n = perSample.size(0);
        if (weights == null) {
            // the sum of no rows is 0, their mean would not be a number
            return reduction == Reduction.SUM || n == 0 ? perSample.sum() : perSample.mean();
        }
        Tensors.requireShape("weights of the rows", weights, n);
        Tensor w = weights.to(perSample.scalar_type());
        Tensor sum = perSample.mul(w).sum();
        return switch (reduction) {
            case SUM -> sum;
            case MEAN -> sum.div(Tensors.scalar(Math.max(1, n)));
            case MEAN_KEPT ->
                sum.div(w.ne(Tensors.scalar(0)).sum().to(sum.scalar_type()).clamp_min(Tensors.scalar(1)));
        };
    }

    @Override
    public List<Term> parts() {
        if (perSample.size(0) == 0) {
            return List.of(new Term(name, 0));
        }
        try (Scope s = Scope.open()) {
            return List.of(new Term(name, perSample.detach().mean().item_double()));
        }
    }
}
