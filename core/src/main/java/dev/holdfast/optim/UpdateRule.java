package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateful;
import java.util.Map;

/** Direction u; the optimizer adds -rate*u and decay, so peek (45), SI's path integral and update norms (37) are free. copy isolates moments. */
public interface UpdateRule extends Stateful {
    ParamVector direction(ParamVector g, StepContext c);

    UpdateRule copy();

    Map<String, ParamVector> moments();
}
