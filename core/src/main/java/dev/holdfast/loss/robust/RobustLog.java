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
 * Robust log loss {@code -log(a + p_y) + (1/(K-1)) sum_{k != y} log(a + p_k)}: a log loss made symmetric. Soft targets weigh
 * the classes.
 *
 * <p>Feng et al.: <i>Can Cross Entropy Loss Be Robust to Label Noise?</i>, IJCAI 2020.
 *
 * @param a > 0
 */
public record RobustLog(@Doc("added to every probability, > 0") double a) implements LossConfig {
    public RobustLog {
        if (!(a > 0) || Double.isInfinite(a)) {
            throw new IllegalArgumentException("a must be finite and > 0 but is " + a + ".");
        }
    }

    public RobustLog() {
        this(0.1);
    }

    @Override
    public String kind() {
        return "rll";
    }

    @Override
    public List<RobustLog> grid() {
        return Stream.of(0.1, 1.0, 10.0).map(RobustLog::new).toList();
    }

    @Override
    public Loss build(Schema schema) {
        return new RowLoss("robust-log", "The robust log loss", lnP -> {
            Tensor log = lnP.exp().add(Tensors.scalar(a)).log();
            double rivals = Math.max(1, lnP.size(1) - 1);
            return log.sum(1).unsqueeze(1).sub(log).div(Tensors.scalar(rivals)).sub(log);
        });
    }
}
