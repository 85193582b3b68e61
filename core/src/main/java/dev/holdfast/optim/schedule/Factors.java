package dev.holdfast.optim.schedule;

/** Checks that the schedules share. */
final class Factors {
    private Factors() {}

    static void requireFactor(String name, double f) {
        if (!(f >= 0) || Double.isInfinite(f)) {
            throw new IllegalArgumentException("A schedule's " + name + " must be finite and >= 0 but is " + f + ".");
        }
    }
}
