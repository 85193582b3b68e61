package dev.holdfast.bilevel;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * {@code g = y'Ay/2 - y'Bx}, {@code f = scale (sum 0.3 cosh x + |y - c|²/2)}, float64; a batch, if not null, tilts a loss by
 * its inner product with the loss's own variables, which is noise on its gradient.
 */
record Quadratic(Parameters upper, Parameters lower, Tensor a, Tensor b, Tensor c, double scale)
        implements BilevelProblem<Tensor> {
    Quadratic(Tensor a, Tensor b, Tensor c, Tensor x, Tensor y, double scale) {
        this(leaf("x", x), leaf("y", y), Scope.own(a.clone()), Scope.own(b.clone()), Scope.own(c.clone()), scale);
    }

    static Parameters leaf(String name, Tensor t) {
        return new Parameters(
                List.of(new ParamMeta(name, ParamMeta.Role.OTHER, 1, 1, false, 0)),
                List.of(Scope.own(t.detach().clone().set_requires_grad(true))));
    }

    Tensor x() {
        return upper.get(0);
    }

    Tensor y() {
        return lower.get(0);
    }

    @Override
    public Tensor lowerLoss(Tensor noise) {
        Tensor g = y().dot(a.matmul(y())).mul(Tensors.scalar(0.5)).sub(y().dot(b.matmul(x())));
        return noise == null ? g : g.add(noise.dot(y()));
    }

    @Override
    public Tensor upperLoss(Tensor noise) {
        Tensor d = y().sub(c);
        Tensor f = x().cosh()
                .sum()
                .mul(Tensors.scalar(0.3))
                .add(d.dot(d).mul(Tensors.scalar(0.5)))
                .mul(Tensors.scalar(scale));
        return noise == null ? f : f.add(noise.dot(x()));
    }

    @Override
    public Tensor lowerBatch(Rng rng) {
        return null;
    }

    @Override
    public Tensor upperBatch(Rng rng) {
        return null;
    }

    /** The minimum of g at the present x. */
    Tensor best() {
        return torch.linalg_solve(a, b.matmul(x())).detach();
    }

    /** f at the minimum of g. */
    double value() {
        Tensor d = best().sub(c);
        return scale * (0.3 * Tensors.item(x().detach().cosh().sum()) + 0.5 * Tensors.item(d.dot(d)));
    }
}
