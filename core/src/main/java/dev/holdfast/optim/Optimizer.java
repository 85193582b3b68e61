package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Stateful;
import java.util.List;
import java.util.function.Supplier;

/** Refuses and counts non-finite steps without touching state. */
public interface Optimizer extends Stateful {
    Step step(ParamVector g, Supplier<Evaluated> again);

    ParamVector peek(ParamVector g);

    void resize(List<Resized> grown);

    Parameters parameters();
}
