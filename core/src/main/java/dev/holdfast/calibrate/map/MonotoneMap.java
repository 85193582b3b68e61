package dev.holdfast.calibrate.map;

import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * softmax(F((log p - mean) / std)) with F(x) the integral from 0 to x of ELU(net(t)) + 1, a positive function, by
 * Clenshaw-Curtis quadrature; net: layers with ReLU between them, from one number to one.
 *
 * <p>Wehenkel, Louppe: <i>Unconstrained Monotonic Neural Networks</i>, arXiv 1908.05164; map "nonlinear" of arXiv
 * 2506.17968.
 */
public final class MonotoneMap implements LearnableMap {
    private final Parameters parameters;
    private final int layers;
    private final double[] nodes;
    private final double[] weights;
    private double mean;
    private double std;

    /**
     * A fresh net.
     *
     * @param hidden widths of its hidden layers
     * @param mean of log p over the rows that it is fitted on; their {@code std} is > 0
     * @param steps of the quadrature, even and >= 2
     */
    public MonotoneMap(List<Integer> hidden, double mean, double std, int steps, Rng rng) {
        this(weights(hidden, rng), biases(hidden, rng), mean, std, steps);
    }

    /** A given net: weights [out, in] and biases [out] of each layer. */
    public MonotoneMap(List<Tensor> weight, List<Tensor> bias, double mean, double std, int steps) {
        if (steps < 2 || steps % 2 != 0) {
            throw new IllegalArgumentException(
                    "The steps of a quadrature must be even and >= 2 but are " + steps + ".");
        }
        requireScale(mean, std);
        this.mean = mean;
        this.std = std;
        layers = weight.size();
        nodes = nodes(steps);
        weights = weights(steps);
        List<String> names = new ArrayList<>();
        List<Tensor> values = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            names.add("weight-" + i);
            values.add(weight.get(i));
            names.add("bias-" + i);
            values.add(bias.get(i));
        }
        parameters = LearnableMap.leaves(names, values);
    }

    private static void requireScale(double mean, double std) {
        if (!Double.isFinite(mean) || !(std > 0) || Double.isInfinite(std)) {
            throw new IllegalArgumentException(
                    "A monotone map needs a finite mean and std > 0 of log p but has " + mean + " and " + std + ".");
        }
    }

    /** cos(i pi / n). */
    public static double[] nodes(int n) {
        double[] x = new double[n + 1];
        for (int i = 0; i <= n; i++) {
            x[i] = Math.cos(i * Math.PI / n);
        }
        return x;
    }

    /** Clenshaw-Curtis weights of those nodes for [-1, 1]. */
    public static double[] weights(int n) {
        double[] w = new double[n + 1];
        for (int i = 0; i <= n; i++) {
            double sum = 0;
            for (int k = 0; k <= n / 2; k++) {
                double half = k == 0 || k == n / 2 ? 0.5 : 1;
                sum += half * 2 / (1 - 4.0 * k * k) * Math.cos(2.0 * k * i * Math.PI / n);
            }
            w[i] = (i == 0 || i == n ? 1 : 2) * sum / n;
        }
        return w;
    }

    private static List<Tensor> weights(List<Integer> hidden, Rng rng) {
        List<Tensor> all = new ArrayList<>();
        for (int i = 0; i <= hidden.size(); i++) {
            int in = i == 0 ? 1 : hidden.get(i - 1);
            int out = i == hidden.size() ? 1 : hidden.get(i);
            all.add(draw(rng.child("weight", i), in, out, in));
        }
        return all;
    }

    private static List<Tensor> biases(List<Integer> hidden, Rng rng) {
        List<Tensor> all = new ArrayList<>();
        for (int i = 0; i <= hidden.size(); i++) {
            all.add(draw(rng.child("bias", i), i == 0 ? 1 : hidden.get(i - 1), i == hidden.size() ? 1 : hidden.get(i)));
        }
        return all;
    }

    private static Tensor draw(Rng rng, int fanIn, long... shape) {
        return rng.uniform(ScalarType.Double, shape)
                .mul(Tensors.scalar(2))
                .sub(Tensors.scalar(1))
                .div(Tensors.scalar(Math.sqrt(fanIn)));
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    /** F of the standardised log-probabilities [n, C]. */
    public Tensor mapped(Tensor logits) {
        Tensor x = logits.log_softmax(1).sub(Tensors.scalar(mean)).div(Tensors.scalar(std));
        Tensor flat = x.reshape(-1, 1);
        double[] share = new double[nodes.length];
        for (int i = 0; i < share.length; i++) {
            share[i] = (nodes[i] + 1) / 2;
        }
        Tensor h = flat.mul(Tensors.of(share, 1, share.length)).reshape(-1, 1);
        for (int i = 0; i < layers; i++) {
            h = h.matmul(parameters.get(2 * i).t()).add(parameters.get(2 * i + 1));
            h = i < layers - 1 ? h.relu() : h.clamp_max(Tensors.scalar(0)).exp().add(h.relu());
        }
        // ELU + 1 is e^h below 0 and h + 1 above
        return h.reshape(-1, share.length)
                .matmul(Tensors.of(weights, share.length, 1))
                .mul(flat)
                .div(Tensors.scalar(2))
                .reshape(x.shape());
    }

    @Override
    public Tensor forward(Tensor logits) {
        return mapped(logits).softmax(1);
    }

    @Override
    public State state() {
        return LearnableMap.super.state().put("mean", mean).put("std", std);
    }

    @Override
    public void load(State saved) {
        double m = saved.number("mean");
        double s = saved.number("std");
        requireScale(m, s);
        LearnableMap.super.load(saved);
        mean = m;
        std = s;
    }

    /** Mean and std of log p over rows; a std of 0 counts as 1. */
    static double[] scale(Tensor logits) {
        try (Scope s = Scope.open()) {
            Tensor x = logits.log_softmax(1);
            double mean = Tensors.item(x.mean());
            double std =
                    Tensors.item(x.sub(Tensors.scalar(mean)).square().mean().sqrt());
            return new double[] {mean, std > 0 ? std : 1};
        }
    }
}
