package dev.holdfast.estimate;

import dev.holdfast.config.Doc;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A linear layer with softmax and cross entropy, trained by stochastic gradient descent with momentum, weight decay (on
 * the intercepts, too) and a rate that falls as a cosine from epoch to epoch. Float64; the gradient (p - y)' x / n needs
 * no graph. Pure functions; safe from any thread.
 */
public final class LinearSoftmax {
    private LinearSoftmax() {}

    /**
     * @param epochs passes over the rows, >= 1
     * @param rate learning rate of the first epoch, > 0
     * @param momentum in [0, 1)
     * @param weightDecay >= 0
     * @param batchSize rows a step, >= 1
     */
    public record Config(
            @Doc("passes over the rows") int epochs,
            @Doc("learning rate of the first pass; falls as a cosine") double rate,
            @Doc("momentum, in [0, 1)") double momentum,
            @Doc("weight decay, >= 0") double weightDecay,
            @Doc("rows a step") int batchSize) {
        public Config {
            if (epochs < 1 || batchSize < 1) {
                throw new IllegalArgumentException("A softmax layer needs epochs >= 1 and batchSize >= 1 but has "
                        + epochs + " and " + batchSize + ".");
            }
            if (!(rate > 0) || Double.isInfinite(rate) || !(momentum >= 0 && momentum < 1) || !(weightDecay >= 0)) {
                throw new IllegalArgumentException("A softmax layer needs a finite rate > 0, momentum in [0, 1) and"
                        + " weightDecay >= 0 but has " + rate + ", " + momentum + " and " + weightDecay + ".");
            }
        }
    }

    /**
     * Weights and intercepts [C, D+1], intercepts last.
     *
     * @param x rows [n, D] float64
     * @param column column of each row
     * @param start weights to begin with [C, D+1], or null for zeros
     */
    public static Tensor fit(Config c, Tensor x, int[] column, int columns, Tensor start, Rng rng) {
        long width = x.size(1);
        int n = column.length;
        Tensor w = start == null ? Tensors.zeros(ScalarType.Double, columns, width + 1) : start.clone();
        Tensors.requireShape("weights to begin with", w, columns, width + 1);
        Tensor velocity = Tensors.zeros(ScalarType.Double, columns, width + 1);
        for (int epoch = 0; epoch < c.epochs; epoch++) {
            double rate = c.rate * (1 + Math.cos(Math.PI * epoch / c.epochs)) / 2;
            int[] order = rng.child("epoch", epoch).permutation(n);
            for (int from = 0; from < n; from += c.batchSize) {
                int[] some = Arrays.copyOfRange(order, from, Math.min(n, from + c.batchSize));
                try (Scope s = Scope.open()) {
                    Tensor g = gradient(
                            w,
                            Tensors.rows(x, some),
                            Arrays.stream(some).map(i -> column[i]).toArray());
                    g.add_(w, Tensors.scalar(c.weightDecay));
                    velocity.mul_(Tensors.scalar(c.momentum)).add_(g);
                    w.sub_(velocity, Tensors.scalar(rate));
                }
            }
        }
        return w;
    }

    /** Of the mean cross entropy [C, D+1]. */
    static Tensor gradient(Tensor w, Tensor x, int[] column) {
        int width = (int) x.size(1);
        int columns = (int) w.size(0);
        Tensor scores = x.matmul(Tensors.slice(w, 1, 0, width).t()).add_(w.select(1, width));
        Tensor error =
                scores.softmax(1).sub_(Tensors.oneHot(column, columns, x)).div_(Tensors.scalar(column.length));
        return Tensors.cat(1, error.t().matmul(x), error.sum(0).unsqueeze(1));
    }
}
