package dev.holdfast.diagnose.logits;

import dev.holdfast.loss.stable.Precision;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Whether logits have grown so far apart that the softmax of a precision is exactly 1 for one class: its rows then teach
 * nothing any more, right or wrong in their margins. Comparisons are exact, bit for bit; a tolerance would hide the effect.
 * Pure functions; safe from any thread.
 *
 * <p>Prieto et al.: <i>Grokking at the Edge of Numerical Stability</i>, arXiv 2501.04697, section 3.
 */
public final class SoftmaxCollapse {
    private SoftmaxCollapse() {}

    /**
     * Rows [n] of logits [n, C] for which sum_c exp(z_c - max z) is exactly 1 in a precision. Labels are of no account; only
     * meaningful for losses with a softmax.
     */
    public static boolean[] collapsed(Tensor logits, Precision precision) {
        Tensors.requireShape("logits", logits, -1, -1);
        Tensors.requireFinite("The logits", logits);
        try (Scope s = Scope.open()) {
            Tensor z = logits.detach().to(precision.dtype());
            Tensor off = z.sub(z.amax(new long[] {1}, true));
            Tensor sum = precision == Precision.FLOAT16
                    // each exponential and the sum are rounded, what is between is not, as processors do it
                    ? off.to(ScalarType.Float)
                            .exp()
                            .to(ScalarType.Half)
                            .to(ScalarType.Float)
                            .sum(1)
                            .to(ScalarType.Half)
                            .to(ScalarType.Float)
                    : off.exp().sum(1);
            return flags(sum.eq(new Scalar(1)));
        }
    }

    /** Share of collapsed rows; 0 without rows. */
    public static double share(Tensor logits, Precision precision) {
        return share(collapsed(logits, precision));
    }

    /** Share of rows whose loss [n] is exactly 0; for any loss. */
    public static double zeroLosses(Tensor losses) {
        Tensors.requireShape("losses of the rows", losses, -1);
        try (Scope s = Scope.open()) {
            return share(flags(losses.detach().eq(new Scalar(0))));
        }
    }

    /**
     * Share of rows whose gradient [n, C] in the logits is exactly 0 at the label's column; for rows that are classified
     * correctly, those that have collapsed.
     */
    public static double zeroLabelGradients(Tensor gradient, int... column) {
        Tensors.requireShape("gradient in the logits", gradient, column.length, -1);
        try (Scope s = Scope.open()) {
            Tensor own = gradient.detach().gather(1, Tensors.ids(column).unsqueeze(1));
            return share(flags(own.squeeze(1).eq(new Scalar(0))));
        }
    }

    private static boolean[] flags(Tensor t) {
        double[] d = Tensors.doubles(t.to(ScalarType.Double));
        boolean[] f = new boolean[d.length];
        for (int i = 0; i < f.length; i++) {
            f[i] = d[i] != 0;
        }
        return f;
    }

    private static double share(boolean[] flags) {
        int n = 0;
        for (boolean f : flags) {
            n += f ? 1 : 0;
        }
        return flags.length == 0 ? 0 : (double) n / flags.length;
    }
}
