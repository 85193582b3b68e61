package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * Jensen-Shannon divergence of label and prediction, {@code (pi KL(e_y, m) + (1-pi) KL(p, m)) / (-(1-pi) log(1-pi))} with
 * {@code m = pi e_y + (1-pi) p}: near cross entropy for small pi, near the absolute error for large pi, and bounded. Soft
 * targets weigh the classes.
 *
 * <p>Englesson, Azizpour: <i>Generalized Jensen-Shannon Divergence Loss for Learning with Noisy Labels</i>, arXiv
 * 2105.04522, equation 3.
 *
 * @param pi weight of the label, in (0, 1)
 */
public record JensenShannon(
        @Doc("weight of the label, in (0, 1): near 0 cross entropy, near 1 absolute error") double pi)
        implements LossConfig {
    public JensenShannon {
        if (!(pi > 0 && pi < 1)) {
            throw new IllegalArgumentException("pi must be in (0, 1) but is " + pi + ".");
        }
    }

    public JensenShannon() {
        this(0.5);
    }

    @Override
    public String kind() {
        return "js";
    }

    @Override
    public boolean forWrongLabels() {
        return true;
    }

    @Override
    public List<JensenShannon> grid() {
        return Stream.of(0.1, 0.5, 0.9).map(JensenShannon::new).toList();
    }

    @Override
    public Loss build(Schema schema) {
        double rest = Math.log1p(-pi);
        return new RowLoss("jensen-shannon", "The Jensen-Shannon divergence", lnP -> {
            Tensor p = lnP.exp();
            Tensor lnM = p.mul(Tensors.scalar(1 - pi)).add(Tensors.scalar(pi)).log();
            // m is (1-pi) p off the label, so that KL(p, m) has a term for the label and one for the rest
            Tensor ofP = p.mul(lnP.sub(lnM)).add(p.sub(Tensors.scalar(1)), Tensors.scalar(rest));
            return ofP.mul(Tensors.scalar(1 - pi)).sub(lnM, Tensors.scalar(pi)).div(Tensors.scalar(-(1 - pi) * rest));
        });
    }
}
