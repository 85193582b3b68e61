package dev.holdfast.nn.small;

import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * f(x) = v'W x with the square loss, gradients and curvature in closed form; flat vectors are in the order W by rows, v.
 * Pure; safe from any thread.
 *
 * <p>With an input that only a few rows have and that no linear predictor can use (the target depends on its magnitude), the
 * curvature along that input's weights is its second moment times |v|^2: it grows as v grows to fit the others. Rosenfeld,
 * Risteski, arXiv 2311.04163, section 3; the form of the toy is ours.
 *
 * @param w [h, d]
 * @param v [h]
 */
public record TwoLayerLinear(Tensor w, Tensor v) {
    public TwoLayerLinear {
        Tensors.requireShape("output weights", v, -1);
        Tensors.requireShape("input weights", w, v.size(0), -1);
    }

    /** f of rows x [n, d]: [n]. */
    public Tensor outputs(Tensor x) {
        return x.matmul(v.matmul(w));
    }

    /** (f - y)^2 / 2 of each row [n]. */
    public Tensor losses(Tensor x, Tensor y) {
        Tensor miss = outputs(x).sub(y);
        return miss.mul(miss).div(Tensors.scalar(2));
    }

    /** Gradient [h d + h] of the mean loss over the rows. */
    public Tensor gradient(Tensor x, Tensor y) {
        Tensor u = outputs(x).sub(y).matmul(x).div(Tensors.scalar(x.size(0)));
        return flat(v.outer(u), w.matmul(u));
    }

    /** The Hessian of the mean loss over the rows, as the map from direction to product. */
    public LinearOperator hessian(Tensor x, Tensor y) {
        long h = v.size(0);
        long d = w.size(1);
        Tensor u = outputs(x).sub(y).matmul(x).div(Tensors.scalar(x.size(0)));
        return new LinearOperator() {
            @Override
            public long size() {
                return h * d + h;
            }

            @Override
            public Tensor apply(Tensor z) {
                Tensor dw = Tensors.slice(z, 0, h * d).reshape(h, d);
                Tensor dv = Tensors.slice(z, h * d, h * d + h);
                Tensor moved = x.matmul(v.matmul(dw).add(dv.matmul(w)));
                Tensor q = moved.matmul(x).div(Tensors.scalar(x.size(0)));
                return flat(v.outer(q).add(dv.outer(u)), w.matmul(q).add(dw.matmul(u)));
            }
        };
    }

    /** The network moved by {@code -rate} times a flat gradient. */
    public TwoLayerLinear minus(Tensor gradient, double rate) {
        long n = w.size(0) * w.size(1);
        return new TwoLayerLinear(
                w.sub(Tensors.slice(gradient, 0, n).reshape(w.size(0), w.size(1)), Tensors.scalar(rate)),
                v.sub(Tensors.slice(gradient, n, n + v.size(0)), Tensors.scalar(rate)));
    }

    /**
     * The loss over all possible rows, less a constant: 1/2 |W_s'v - beta|^2 + 1/2 s (w_o . v)^2, with standard normal inputs
     * but for the last, whose second moment is s and whose product with the target has mean 0.
     *
     * @param beta [d - 1]
     */
    public double populationLoss(Tensor beta, double secondMoment) {
        Tensor off = off(beta, secondMoment);
        return Tensors.item(off.mul(off).sum()) / 2;
    }

    /** Gradient [h d + h] of {@link #populationLoss}. */
    public Tensor populationGradient(Tensor beta, double secondMoment) {
        Tensor off = off(beta, secondMoment);
        Tensor u = off.mul(root(beta, secondMoment));
        return flat(v.outer(u), w.matmul(u));
    }

    /** Curvature along the weights of the last input: s |v|^2. */
    public double outlierCurvature(double secondMoment) {
        return secondMoment * Tensors.item(v.dot(v));
    }

    private Tensor off(Tensor beta, double secondMoment) {
        Tensor target = Tensors.cat(0, beta, Tensors.zerosLike(beta, 1));
        return v.matmul(w).sub(target).mul(root(beta, secondMoment));
    }

    /** Roots of the inputs' second moments [d]. */
    private static Tensor root(Tensor beta, double secondMoment) {
        Tensor last = Tensors.zerosLike(beta, 1).add(Tensors.scalar(Math.sqrt(secondMoment)));
        return Tensors.cat(0, Tensors.zerosLike(beta, beta.size(0)).add(Tensors.scalar(1)), last);
    }

    private static Tensor flat(Tensor w, Tensor v) {
        return Tensors.cat(0, w.reshape(-1), v);
    }
}
