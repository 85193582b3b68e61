package dev.holdfast.diagnose.neurons;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What tells neurons that understand from neurons that memorise. Scores are Java numbers, one a neuron. Pure functions; safe
 * from any thread.
 *
 * <p>Doshi et al.: <i>To grok or not to grok</i>, arXiv 2310.13061, section 3.
 */
public final class NeuronScores {
    private NeuronScores() {}

    /**
     * Inverse participation ratio of each row [n, m]: {@code sum_j (A_j / |A|)^(2 r)} over the magnitudes A of the real Fourier
     * transform. 1 for a single cosine, about 2 / bins for a random row, 0 for a row of zeros. Rows must be functions of an
     * ordered index.
     *
     * @param r 2 in the paper
     * @param constant whether the zero frequency counts; a constant row scores 1 with it and 0 without
     */
    public static double[] inverseParticipation(Tensor rows, double r, boolean constant) {
        Tensors.requireShape("rows of weights", rows, -1, -1);
        if (!(r > 0)) {
            throw new IllegalArgumentException(
                    "The exponent of an inverse participation ratio must be > 0 but is " + r + ".");
        }
        try (Scope s = Scope.open()) {
            Tensor a = torch.fft_rfft(rows.detach().to(ScalarType.Double)).abs();
            if (!constant) {
                a = Tensors.slice(a, 1, 1, a.size(1));
            }
            Tensor power = a.mul(a);
            Tensor total = power.sum(1).unsqueeze(1);
            // rounding of a constant row is no spectrum
            Tensor scale = rows.detach()
                    .to(ScalarType.Double)
                    .pow(Tensors.scalar(2))
                    .sum(1)
                    .unsqueeze(1);
            Tensor none = total.le(scale.mul(Tensors.scalar(1e-20)));
            Tensor share = power.div(total.masked_fill(none, Tensors.scalar(1))).masked_fill(none, Tensors.scalar(0));
            return Tensors.doubles(share.pow(Tensors.scalar(r)).sum(1));
        }
    }

    /** Mean over a neuron's three rows [N, p] of input and output weights. */
    public static double[] inverseParticipation(Tensor u, Tensor v, Tensor w) {
        double[][] each = {
            inverseParticipation(u, 2, true), inverseParticipation(v, 2, true), inverseParticipation(w, 2, true)
        };
        double[] mean = new double[each[0].length];
        Arrays.setAll(mean, k -> (each[0][k] + each[1][k] + each[2][k]) / 3);
        return mean;
    }

    /**
     * Columns 1..p-1 of rows [n, p] in the order of a primitive root's powers, in which multiplication is addition; column 0 is
     * left out.
     */
    public static Tensor byDiscreteLogarithm(Tensor rows) {
        int p = Math.toIntExact(rows.size(1));
        int[] order = new int[p - 1];
        for (int g = 1; g < p; g++) {
            long power = 1;
            int length = 0;
            do {
                order[length++] = (int) power;
                power = power * g % p;
            } while (power > 1 && length < p - 1);
            if (length == p - 1 && power == 1) {
                return rows.index_select(1, Tensors.ids(order));
            }
        }
        throw new IllegalArgumentException("There is no primitive root modulo " + p + "; expected a prime.");
    }

    /** Gini coefficient of the Fourier magnitudes of each row [n, m]: 0 = all alike, near 1 = one frequency. */
    public static double[] gini(Tensor rows) {
        Tensors.requireShape("rows of weights", rows, -1, -1);
        try (Scope s = Scope.open()) {
            Tensor a = torch.fft_rfft(rows.detach().to(ScalarType.Double))
                    .abs()
                    .sort(1, false)
                    .get0();
            double[][] sorted = Tensors.rows(a);
            return Arrays.stream(sorted)
                    .mapToDouble(row -> {
                        double sum = 0;
                        double weighted = 0;
                        for (int j = 0; j < row.length; j++) {
                            sum += row[j];
                            weighted += (2.0 * (j + 1) - row.length - 1) * row[j];
                        }
                        return sum == 0 ? 0 : weighted / (row.length * sum);
                    })
                    .toArray();
        }
    }

    /**
     * For weights without an order: how much more each neuron lowers the loss of trusted rows than that of doubtful ones, to
     * first order, from how the losses change when the neuron's output is scaled.
     *
     * @param hidden outputs of the neurons [n, N]
     * @param outputWeights [C, N]
     * @param lossGradient gradient of each row's own loss in the network's outputs [n, C]
     * @param doubtful rows whose label is not trusted
     */
    public static double[] lossContribution(
            Tensor hidden, Tensor outputWeights, Tensor lossGradient, boolean[] doubtful) {
        Tensors.requireShape("outputs of the neurons", hidden, doubtful.length, -1);
        Tensors.requireShape("gradients in the outputs", lossGradient, doubtful.length, outputWeights.size(0));
        int bad = 0;
        for (boolean d : doubtful) {
            bad += d ? 1 : 0;
        }
        if (bad == 0 || bad == doubtful.length) {
            throw new IllegalArgumentException("Contributions compare trusted with doubtful rows, but " + bad + " of "
                    + doubtful.length + " are doubtful.");
        }
        double[] weight = new double[doubtful.length];
        for (int i = 0; i < weight.length; i++) {
            weight[i] = doubtful[i] ? 1.0 / bad : -1.0 / (doubtful.length - bad);
        }
        try (Scope s = Scope.open()) {
            Tensor slope = hidden.detach().mul(lossGradient.detach().matmul(outputWeights.detach()));
            Tensor by = Tensors.of(weight, weight.length, 1).to(slope.scalar_type());
            return Tensors.doubles(slope.mul(by).sum(0));
        }
    }
}
