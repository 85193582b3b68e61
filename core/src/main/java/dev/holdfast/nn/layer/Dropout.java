package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * In training sets every entry to 0 with probability p and divides the others by 1-p (Srivastava et al. 2014); the
 * identity in evaluation. The mask is a function of the pass's stream and the name.
 */
public record Dropout(String name, double p) implements Layer {
    public Dropout {
        if (!(p >= 0 && p < 1)) {
            throw new IllegalArgumentException("Dropout '" + name + "' needs 0 <= p < 1 but has " + p + ".");
        }
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return !pass.training() || p == 0 ? x : apply(x, pass.draws(name).uniform(x.scalar_type(), x.shape()));
    }

    /** As in training with given uniform draws [shape of x]: an entry falls where its draw is below p. */
    public Tensor apply(Tensor x, Tensor uniform) {
        Tensor keep = uniform.ge(Tensors.scalar(p)).to(x.scalar_type()).div_(Tensors.scalar(1 - p));
        return x.mul(keep);
    }

    @Override
    public void describe(Inventory into) {}

    @Override
    public Dropout copy(Copier c) {
        return this;
    }
}
