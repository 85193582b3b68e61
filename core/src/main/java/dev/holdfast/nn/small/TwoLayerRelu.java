package dev.holdfast.nn.small;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * f(x) = sum_j a_j relu(w_j'x), with what is known of its curvature in closed form. The derivative of relu at 0 is 0. Pure;
 * safe from any thread.
 *
 * <p>For x ~ N(0, I_d) and rows that are fitted, tr H = 1/2 sum_j (|w_j|^2 + d a_j^2) >= sqrt(d) sum_j |a_j| |w_j|: the trace
 * that SGD keeps small bounds the path norm. Wu, Su, arXiv 2305.17490, section 4.
 *
 * @param a output weights [m]
 * @param w input weights [m, d]
 */
public record TwoLayerRelu(Tensor a, Tensor w) {
    public TwoLayerRelu {
        Tensors.requireShape("output weights", a, -1);
        Tensors.requireShape("input weights", w, a.size(0), -1);
    }

    /** f of rows x [n, d]: [n]. */
    public Tensor outputs(Tensor x) {
        return x.matmul(w.t()).relu().matmul(a);
    }

    /** Gradients of the outputs [n, m + m d], in the order a, then w by rows. */
    public Tensor gradients(Tensor x) {
        Tensor z = x.matmul(w.t());
        Tensor on = z.gt(Tensors.scalar(0)).to(z.scalar_type());
        Tensor inner = on.mul(a).unsqueeze(2).mul(x.unsqueeze(1));
        return Tensors.cat(1, z.relu(), inner.reshape(x.size(0), -1));
    }

    /** tr H for standard normal inputs and rows that are fitted. */
    public double populationTrace() {
        return (Tensors.item(w.mul(w).sum()) + w.size(1) * Tensors.item(a.mul(a).sum())) / 2;
    }

    /** sum_j |a_j| |w_j|. */
    public double pathNorm() {
        return Tensors.item(a.abs().mul(w.mul(w).sum(1).sqrt()).sum());
    }

    /** sqrt(d) times the path norm: the least that the population trace can be; reached where |w_j| = sqrt(d) |a_j|. */
    public double traceLowerBound() {
        return Math.sqrt(w.size(1)) * pathNorm();
    }
}
