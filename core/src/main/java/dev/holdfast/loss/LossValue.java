package dev.holdfast.loss;

import dev.holdfast.run.Term;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** perSample [n] with graph, or null for batch-level losses (12 h-calibration); total applies weights and the loss's own reduction SUM, MEAN or MEAN_KEPT; parts are detached. */
public interface LossValue {
    Tensor perSample();

    Tensor total(Tensor weights);

    List<Term> parts();
}
