package dev.holdfast.learner;

import dev.holdfast.tensor.Stateful;
import java.util.function.IntToDoubleFunction;

/** STAY = -1, NEW = -2, else the unit to go back to (41; ADWIN of 40). SensedBoundaries(learner, sensor) turns it into begin and end. */
public interface BoundarySensor extends Stateful {
    int observe(double loss, IntToDoubleFunction lossOfOther);
}
