package dev.holdfast.nn.prototype;

import dev.holdfast.optim.Constraint;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * After a move: components and prototypes back into a box, tangents back to orthonormal columns, classic reasoning back to
 * probabilities.
 *
 * @param low least entry of a component, or NaN for no box
 * @param high largest entry of a component
 * @param classic whether leaf {@code head} holds probabilities
 * @param prototypes whether leaf {@code head} holds prototypes
 */
public record PrototypeBounds(double low, double high, boolean classic, boolean prototypes) implements Constraint {
    public PrototypeBounds {
        if (low >= high) {
            throw new IllegalArgumentException(
                    "The box of components must have low < high but is [" + low + ", " + high + "].");
        }
    }

    @Override
    public void apply(Parameters p, long step) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            for (int i = 0; i < p.size(); i++) {
                String name = p.meta().get(i).name();
                Tensor leaf = p.get(i);
                if (name.endsWith("tangents")) {
                    T_TensorTensor_T qr = torch.linalg_qr(leaf);
                    Tensor signs = qr.get1().diagonal(0, -2, -1).sgn().unsqueeze(-2);
                    leaf.copy_(qr.get0().mul(signs));
                } else if ((name.equals("components") || prototypes && name.equals("head")) && !Double.isNaN(low)) {
                    clamp(leaf, low, high);
                } else if (classic && name.equals("head")) {
                    clamp(leaf, 0, 1);
                }
            }
        }
    }

    private static void clamp(Tensor leaf, double low, double high) {
        leaf.clamp_(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high)));
    }
}
