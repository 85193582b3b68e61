package dev.holdfast.nn.small;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * f(a, b) = W phi(U e_a + V e_b) for residues a, b below p: two layers without biases on two one-hot vectors, which are looked
 * up instead of multiplied. With phi the square, cosines of one frequency a neuron solve addition modulo p exactly.
 *
 * <p>Dropout acts on the input of phi, so that survivors are scaled before they are squared; batch normalisation acts on its
 * output. Doshi et al.: <i>To grok or not to grok</i>, arXiv 2310.13061. Leaves are float64 or float32; close when done. One
 * thread.
 */
public final class QuadraticMlp implements AutoCloseable {
    /** phi. */
    public enum Activation {
        SQUARE,
        RELU
    }

    /**
     * @param dropout share of hidden inputs that are dropped in training, in [0, 1)
     * @param batchNorm whether hidden outputs are normalised, with a scale and shift each
     */
    public record Options(Activation activation, double dropout, boolean batchNorm) {
        public Options {
            if (!(dropout >= 0 && dropout < 1)) {
                throw new IllegalArgumentException("Dropout must be in [0, 1) but is " + dropout + ".");
            }
        }

        /** Squares, nothing else. */
        public Options() {
            this(Activation.SQUARE, 0, false);
        }
    }

    private static final double EPSILON = 1e-5;
    private static final double MOMENTUM = 0.1;

    private final int p;
    private final Options options;
    private final Parameters parameters;
    private final Tensor runningMean;
    private final Tensor runningVariance;

    /**
     * From weights, which are copied.
     *
     * @param fc1 [N, 2 p]: U, then V
     * @param fc2 [p, N]: W
     */
    public QuadraticMlp(Tensor fc1, Tensor fc2, Options options) {
        Tensors.requireShape("output weights", fc2, -1, -1);
        this.p = Math.toIntExact(fc2.size(0));
        long n = fc2.size(1);
        Tensors.requireShape("input weights", fc1, n, 2L * p);
        this.options = options;
        List<Tensor> leaves = new ArrayList<>(List.of(leaf(fc1), leaf(fc2)));
        List<ParamMeta> meta = new ArrayList<>(List.of(
                new ParamMeta("fc1", ParamMeta.Role.HIDDEN, 2L * p, n, true, 0),
                new ParamMeta("fc2", ParamMeta.Role.HEAD, n, p, true, 0)));
        if (options.batchNorm) {
            leaves.add(leaf(Tensors.zerosLike(fc1, n).add(Tensors.scalar(1))));
            leaves.add(leaf(Tensors.zerosLike(fc1, n)));
            meta.add(new ParamMeta("gamma", ParamMeta.Role.NORM, 1, n, true, 0));
            meta.add(new ParamMeta("beta", ParamMeta.Role.NORM, 1, n, true, 0));
        }
        this.parameters = new Parameters(meta, leaves);
        this.runningMean = Scope.own(Tensors.zerosLike(fc1, n));
        this.runningVariance = Scope.own(Tensors.zerosLike(fc1, n).add(Tensors.scalar(1)));
    }

    /** Fresh weights of standard deviation 0.5 / (2 N)^(1/3), float32. */
    public static QuadraticMlp of(int p, int width, Options options, Rng rng) {
        double sd = 0.5 / Math.cbrt(2.0 * width);
        try (Scope s = Scope.open()) {
            Tensor fc1 =
                    rng.child("fc1").normal(ScalarType.Float, width, 2L * p).mul(Tensors.scalar(sd));
            Tensor fc2 = rng.child("fc2").normal(ScalarType.Float, p, width).mul(Tensors.scalar(sd));
            return new QuadraticMlp(fc1, fc2, options);
        }
    }

    /**
     * Neurons that add modulo p: cosines of one frequency with the output's phase the sum of the inputs' phases. arXiv
     * 2301.02679.
     *
     * @param frequencies in 1..(p-1)/2, one a neuron
     * @param phases of U and V, one pair a neuron
     */
    public static QuadraticMlp analytic(int p, int[] frequencies, double[][] phases) {
        int n = frequencies.length;
        double[][] fc1 = new double[n][2 * p];
        double[][] fc2 = new double[p][n];
        for (int k = 0; k < n; k++) {
            double step = 2 * Math.PI * frequencies[k] / p;
            for (int x = 0; x < p; x++) {
                fc1[k][x] = Math.cos(step * x + phases[k][0]);
                fc1[k][p + x] = Math.cos(step * x + phases[k][1]);
                fc2[x][k] = Math.cos(step * x + phases[k][0] + phases[k][1]);
            }
        }
        try (Scope s = Scope.open()) {
            return new QuadraticMlp(Tensors.of(fc1), Tensors.of(fc2), new Options());
        }
    }

    private static Tensor leaf(Tensor t) {
        return Scope.own(Tensors.copy(t)).set_requires_grad(true);
    }

    public Parameters parameters() {
        return parameters;
    }

    /** Residues. */
    public int modulus() {
        return p;
    }

    /** Neurons. */
    public int width() {
        return Math.toIntExact(parameters.get(1).size(1));
    }

    /** U [N, p]. */
    public Tensor u() {
        return Tensors.slice(parameters.get(0).detach(), 1, 0, p);
    }

    /** V [N, p]. */
    public Tensor v() {
        return Tensors.slice(parameters.get(0).detach(), 1, p, 2L * p);
    }

    /** W by neurons [N, p]. */
    public Tensor w() {
        return parameters.get(1).detach().t();
    }

    /** Batch normalisation's scales [N]. */
    public Tensor gamma() {
        if (!options.batchNorm) {
            throw new IllegalStateException("The network has no batch normalisation, so no scales.");
        }
        return parameters.get(2).detach();
    }

    /** Means that batch normalisation uses outside training [N]. */
    public Tensor runningMean() {
        return runningMean;
    }

    /** Variances that it uses outside training [N]. */
    public Tensor runningVariance() {
        return runningVariance;
    }

    /** Outputs [n, p] of pairs, as in evaluation. */
    public Tensor outputs(int[] a, int[] b) {
        return hidden(a, b).matmul(parameters.get(1).t());
    }

    /** Outputs of hidden units [n, N], as in evaluation: what the output weights see. */
    public Tensor hidden(int[] a, int[] b) {
        Tensor h = activated(lookedUp(a, b));
        return options.batchNorm ? normalised(h, runningMean, runningVariance) : h;
    }

    /** Outputs [n, p] in training: with dropout, and with the batch's own statistics, which move the running ones. */
    public Tensor train(int[] a, int[] b, Rng rng) {
        Tensor z = lookedUp(a, b);
        if (options.dropout > 0) {
            Tensor kept = rng.child("dropout")
                    .uniform(z.size(0), z.size(1))
                    .ge(new Scalar(options.dropout))
                    .to(z.scalar_type());
            z = z.mul(kept.div(Tensors.scalar(1 - options.dropout)));
        }
        Tensor h = activated(z);
        if (options.batchNorm) {
            if (a.length < 2) {
                throw new IllegalArgumentException(
                        "Batch normalisation needs at least two rows in training but got " + a.length + ".");
            }
            Tensor mean = h.mean(0);
            Tensor off = h.sub(mean);
            Tensor variance = off.mul(off).mean(0);
            double unbiased = a.length / (a.length - 1.0);
            runningMean.mul_(Tensors.scalar(1 - MOMENTUM)).add_(mean.detach(), Tensors.scalar(MOMENTUM));
            runningVariance
                    .mul_(Tensors.scalar(1 - MOMENTUM))
                    .add_(variance.detach(), Tensors.scalar(MOMENTUM * unbiased));
            h = normalised(h, mean, variance);
        }
        return h.matmul(parameters.get(1).t());
    }

    private Tensor lookedUp(int[] a, int[] b) {
        if (a.length != b.length) {
            throw new IllegalArgumentException(
                    "There are " + a.length + " first and " + b.length + " second residues.");
        }
        int[] at = new int[b.length];
        for (int i = 0; i < at.length; i++) {
            if (a[i] < 0 || a[i] >= p || b[i] < 0 || b[i] >= p) {
                throw new IllegalArgumentException(
                        "Pair " + i + " is (" + a[i] + ", " + b[i] + "); expected residues below " + p + ".");
            }
            at[i] = p + b[i];
        }
        Tensor columns = parameters.get(0).t();
        return Tensors.rows(columns, a).add(Tensors.rows(columns, at));
    }

    private Tensor activated(Tensor z) {
        return options.activation == Activation.SQUARE ? z.mul(z) : z.relu();
    }

    private Tensor normalised(Tensor h, Tensor mean, Tensor variance) {
        return h.sub(mean)
                .div(variance.add(Tensors.scalar(EPSILON)).sqrt())
                .mul(parameters.get(2))
                .add(parameters.get(3));
    }

    /** Squared distance of outputs [n, p] from one-hot labels, mean over all entries. */
    public static Tensor squaredError(Tensor outputs, int... label) {
        Tensor miss = outputs.sub(Tensors.oneHot(label, Math.toIntExact(outputs.size(1)), outputs));
        return miss.mul(miss).mean();
    }

    @Override
    public void close() {
        for (Tensor t : parameters.tensors()) {
            t.close();
        }
        runningMean.close();
        runningVariance.close();
    }
}
