package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Takes out of a gradient what points along the weights, so that training cannot lower the loss by scaling the logits up:
 *
 * <pre>
 * g_perp = g - (w . g) / (w . w) w,    then scaled to the length of g if asked for
 * </pre>
 *
 * <p>A gradient that is parallel to the weights up to rounding (1e-7 of its length) becomes 0: scaling the rest up would be
 * noise. Weights that are all 0 leave the gradient as it is. Nothing is read back from the device.
 *
 * <p>Prieto et al.: <i>Grokking at the Edge of Numerical Stability</i>, arXiv 2501.04697, equation 10 (there without scaling;
 * the authors' code scales). Pure.
 *
 * @param scope whether each tensor or the whole vector is projected
 * @param rescale whether the result gets the gradient's length
 * @param vectors whether biases and scales of one dimension are projected, too; they are part of the whole in any case
 */
public record PerpendicularGradient(Scope scope, boolean rescale, boolean vectors)
        implements GradientTransform, Stateless {
    /** What is orthogonal to what. */
    public enum Scope {
        /** Every tensor's gradient to the tensor. */
        PER_TENSOR,
        /** The whole gradient to all weights. */
        WHOLE
    }

    private static final double TINY = 1e-30;
    private static final double PARALLEL = 1e-7;

    /** As in the authors' code: every tensor, with scaling. */
    public PerpendicularGradient() {
        this(Scope.PER_TENSOR, true, true);
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        if (scope == Scope.PER_TENSOR) {
            return g.map((meta, t) -> {
                Tensor w = c.params().get(meta.name()).detach();
                return vectors || w.dim() > 1 ? projected(t, w) : t;
            });
        }
        Tensor[] parts = new Tensor[g.size()];
        Tensor wg = null;
        Tensor ww = null;
        for (int i = 0; i < parts.length; i++) {
            if (g.get(i) != null) {
                Tensor w = c.params().get(i).detach();
                wg = sum(wg, w.mul(g.get(i)).sum());
                ww = sum(ww, w.mul(w).sum());
            }
        }
        if (wg == null) {
            return g;
        }
        Tensor along = wg.div(ww.add(Tensors.scalar(TINY)));
        Tensor before = null;
        Tensor after = null;
        for (int i = 0; i < parts.length; i++) {
            if (g.get(i) != null) {
                parts[i] = g.get(i).sub(c.params().get(i).detach().mul(along));
                before = sum(before, g.get(i).mul(g.get(i)).sum());
                after = sum(after, parts[i].mul(parts[i]).sum());
            }
        }
        Tensor factor = factor(before.sqrt(), after.sqrt());
        return new ParamVector(g.of(), parts).map((meta, t) -> t.mul(factor));
    }

    private Tensor projected(Tensor g, Tensor w) {
        Tensor along = w.mul(g).sum().div(w.mul(w).sum().add(Tensors.scalar(TINY)));
        Tensor p = g.sub(w.mul(along));
        return p.mul(factor(g.norm(), p.norm()));
    }

    /** What the projected gradient is multiplied by: 0 where nothing but rounding is left. */
    private Tensor factor(Tensor before, Tensor after) {
        Tensor kept = after.ge(before.mul(Tensors.scalar(PARALLEL))).to(before.scalar_type());
        return rescale ? kept.mul(before.div(after.add(Tensors.scalar(TINY)))) : kept;
    }

    private static Tensor sum(Tensor a, Tensor b) {
        return a == null ? b : a.add(b);
    }
}
