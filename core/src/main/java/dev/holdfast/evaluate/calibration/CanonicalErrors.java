package dev.holdfast.evaluate.calibration;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * How far the whole vector of probabilities is from the frequencies of classes among rows with such a vector. All pairs
 * of rows take part; they are worked off in blocks, so memory grows with the rows and not with their square. Pure
 * functions; safe from any thread.
 */
public final class CanonicalErrors {
    /** Pairs a block. */
    private static final int PAIRS = 1 << 21;

    private CanonicalErrors() {}

    /**
     * Squared kernel calibration error: mean over pairs of exp(-|p - p'|) (e_y - p)'(e_y' - p'); can be negative, because
     * it is unbiased. NaN for a single row.
     *
     * <p>Widmann, Lindsten, Zachariah: <i>Calibration tests in multi-class classification</i>, arXiv 1910.11385.
     */
    public static double squaredKernel(LabelledProbabilities x) {
        int n = x.size();
        double sum = 0;
        try (Scope all = Scope.open()) {
            Tensor p = x.probabilities();
            Tensor rest = Tensors.oneHot(x.labels(), x.classes(), p).sub(p);
            for (int from = 0; from < n; from += block(n)) {
                try (Scope s = Scope.open()) {
                    int to = Math.min(n, from + block(n));
                    // distances by differences: by products they lose half of the digits between equal rows
                    Tensor k = torch.cdist(Tensors.slice(p, from, to), p, 2, new LongOptional(2))
                            .neg_()
                            .exp_();
                    sum += k.mul_(Tensors.slice(rest, from, to).matmul(rest.t()))
                            .sum()
                            .item_double();
                }
            }
            sum -= rest.square().sum().item_double();
        }
        return n < 2 ? Double.NaN : sum / ((double) n * (n - 1));
    }

    /**
     * Squared L2 calibration error with frequencies from a Dirichlet kernel over all other rows, no root taken.
     *
     * <p>Popordanoska, Sayer, Blaschko: <i>A Consistent and Differentiable Lp Canonical Calibration Error Estimator</i>,
     * arXiv 2210.07810.
     *
     * @param bandwidth h > 0; the kernel of row j is the Dirichlet density with parameters p_j / h + 1
     */
    public static double dirichletKernel(LabelledProbabilities x, double bandwidth) {
        if (!(bandwidth > 0)) {
            throw new IllegalArgumentException("A bandwidth must be > 0 but is " + bandwidth + ".");
        }
        int n = x.size();
        if (n < 2) {
            return Double.NaN;
        }
        double sum = 0;
        try (Scope all = Scope.open()) {
            Tensor p = x.probabilities();
            Tensor hot = Tensors.oneHot(x.labels(), x.classes(), p);
            Tensor log = p.clamp_min(Tensors.scalar(Double.MIN_NORMAL)).log();
            Tensor scaled = p.div(Tensors.scalar(bandwidth));
            Tensor alpha = scaled.add(Tensors.scalar(1));
            Tensor norm = alpha.lgamma().sum(1).sub(alpha.sum(1).lgamma());
            for (int from = 0; from < n; from += block(n)) {
                try (Scope s = Scope.open()) {
                    int to = Math.min(n, from + block(n));
                    Tensor k = Tensors.slice(log, from, to).matmul(scaled.t()).sub_(norm);
                    // a row tells nothing about itself
                    k.diagonal(from, 0, 1).fill_(Tensors.scalar(Double.NEGATIVE_INFINITY));
                    Tensor frequency = k.softmax(1).matmul(hot);
                    sum += frequency
                            .sub_(Tensors.slice(p, from, to))
                            .square_()
                            .sum()
                            .item_double();
                }
            }
        }
        return sum / n;
    }

    private static int block(int n) {
        return Math.max(1, PAIRS / n);
    }
}
