package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Stateful;

/** EMA with ramp (28), running mean (36), last k (25), dynamic (13), interpolation (16 36). */
public interface WeightAverager extends Stateful {
    void update(Parameters now, Step step);

    ParamVector average();
}
