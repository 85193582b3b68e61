package dev.holdfast.optim;

import dev.holdfast.tensor.Stateful;

/** Factor of the k-th update; phase is for reports (16); feedback schedules (12 plateau, 50 t-test) learn through observe. Serves any annealed number (39 beta, 54 exponent). */
public interface Schedule extends Stateful {
    double at(long step);

    default String phase(long step) {
        return "";
    }

    default void observe(double metric) {}
}
