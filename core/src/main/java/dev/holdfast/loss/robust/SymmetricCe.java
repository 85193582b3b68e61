package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;

/**
 * Symmetric cross entropy {@code (1 - share) CE + share A (1 - p_y)}: cross entropy that learns, together with its reverse
 * (the log of a zero set to -A), which does not follow wrong labels.
 *
 * <p>Wang et al.: <i>Symmetric Cross Entropy for Robust Learning with Noisy Labels</i>, arXiv 1908.06112.
 *
 * @param share of the reverse term, in [0, 1]
 * @param a what stands for -log 0, > 0
 */
public record SymmetricCe(
        @Doc("share of the reverse cross entropy, in [0, 1]") double share,
        @Doc("what stands for -log 0 in the reverse cross entropy, > 0") double a)
        implements LossConfig {
    public SymmetricCe {
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException(
                    "The share of the reverse cross entropy must be in [0, 1] but is " + share + ".");
        }
        if (!(a > 0) || Double.isInfinite(a)) {
            throw new IllegalArgumentException("a stands for -log 0 and must be finite and > 0 but is " + a + ".");
        }
    }

    /** Equal shares, A = 4. */
    public SymmetricCe() {
        this(0.5, 4);
    }

    @Override
    public String kind() {
        return "sce";
    }

    @Override
    public boolean forWrongLabels() {
        return true;
    }

    @Override
    public List<SymmetricCe> grid() {
        return Stream.of(0.05, 0.5, 0.95).map(s -> new SymmetricCe(s, a)).toList();
    }

    @Override
    public Loss build(Schema schema) {
        return new RowLoss(
                "symmetric-cross-entropy", "Symmetric cross entropy", lnP -> lnP.mul(Tensors.scalar(share - 1))
                        .sub(lnP.expm1(), Tensors.scalar(share * a)));
    }
}
