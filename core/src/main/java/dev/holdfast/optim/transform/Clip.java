package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Keeps a gradient small: NORM scales the whole gradient to a Euclidean norm of at most {@code limit} (factor {@code
 * min(1, limit / (norm + 1e-6))}, as PyTorch does), VALUE clamps every entry to [-limit, limit].
 *
 * <p>Pascanu, Mikolov, Bengio: <i>On the difficulty of training recurrent neural networks</i>, arXiv 1211.5063.
 */
public record Clip(Kind kind, double limit) implements GradientTransform, Stateless {
    /** What is limited. */
    public enum Kind {
        NORM,
        VALUE
    }

    public Clip {
        if (!(limit > 0)) {
            throw new IllegalArgumentException("The limit of a gradient must be > 0 but is " + limit + ".");
        }
    }

    public static Clip norm(double limit) {
        return new Clip(Kind.NORM, limit);
    }

    public static Clip value(double limit) {
        return new Clip(Kind.VALUE, limit);
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        if (kind == Kind.VALUE) {
            ScalarOptional low = new ScalarOptional(Tensors.scalar(-limit));
            ScalarOptional high = new ScalarOptional(Tensors.scalar(limit));
            return g.map((m, t) -> t.clamp(low, high));
        }
        List<Tensor> norms = new ArrayList<>();
        g.map((m, t) -> {
            norms.add(t.norm());
            return t;
        });
        if (norms.isEmpty()) {
            return g;
        }
        // stays on the device: no number is read back
        Tensor norm =
                torch.stack(new TensorVector(norms.toArray(new Tensor[0])), 0).norm();
        Tensor factor = norm.add(Tensors.scalar(1e-6))
                .reciprocal()
                .mul(Tensors.scalar(limit))
                .clamp_max(Tensors.scalar(1));
        return g.map((m, t) -> t.mul(factor));
    }
}
