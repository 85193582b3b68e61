package dev.holdfast.diagnose.logits;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How much training lowers its loss by scaling logits up instead of changing what it says ("naive loss minimisation"). For a
 * network that is homogeneous in its weights, a ReLU network without biases, the direction that does so is the weights
 * themselves; with biases that is nearly so. Immutable.
 *
 * <p>Prieto et al.: <i>Grokking at the Edge of Numerical Stability</i>, arXiv 2501.04697, section 4.
 *
 * @param whole cosine between a step against the gradient and all weights; 1 = the weights grow and nothing else happens
 * @param perTensor the same for every leaf; NaN for one without a gradient, or that is 0
 */
public record NaiveMinimisation(double whole, double[] perTensor) {
    /** Of a gradient at the present weights. */
    public static NaiveMinimisation of(Parameters weights, ParamVector gradient) {
        double[] each = new double[weights.size()];
        double wg = 0;
        double ww = 0;
        double gg = 0;
        for (int i = 0; i < each.length; i++) {
            if (gradient.get(i) == null) {
                each[i] = Double.NaN;
                continue;
            }
            try (Scope s = Scope.open()) {
                Tensor w = weights.get(i).detach().to(ScalarType.Double);
                Tensor g = gradient.get(i).detach().to(ScalarType.Double);
                double dot = Tensors.item(w.mul(g).sum());
                double w2 = Tensors.item(w.mul(w).sum());
                double g2 = Tensors.item(g.mul(g).sum());
                each[i] = -dot / Math.sqrt(w2 * g2);
                wg += dot;
                ww += w2;
                gg += g2;
            }
        }
        return new NaiveMinimisation(-wg / Math.sqrt(ww * gg), each);
    }

    /**
     * The exact version for any network: cosine between the logits [n, C] before a small step and what the step adds to them;
     * near 1, predictions stay and logits grow.
     */
    public static double scaling(Tensor before, Tensor after) {
        Tensors.requireShape("logits after a step", after, before.size(0), before.size(1));
        try (Scope s = Scope.open()) {
            Tensor z = before.detach().to(ScalarType.Double);
            Tensor d = after.detach().to(ScalarType.Double).sub(z);
            return Tensors.item(z.mul(d).sum()) / (Tensors.item(z.norm()) * Tensors.item(d.norm()));
        }
    }
}
