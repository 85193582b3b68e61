package dev.holdfast.registry;

import dev.holdfast.calibrate.Calibrator;

/** A calibrator that can be named. */
public interface CalibratorPlugin<C extends Record> extends Plugin<C> {
    /** A calibrator with these options; a pure function of its arguments. */
    Calibrator create(C config);

    /** The paper, e.g. {@code Guo et al. 2017, arXiv 1706.04599}; empty for folklore. */
    default String paper() {
        return "";
    }

    @Override
    default String system() {
        return "12-h-calibration";
    }
}
