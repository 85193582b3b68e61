package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Stateless;

/**
 * A sigmoid-shaped rise to 1: {@code exp(-5 (1 - min(step, length) / length)^2)}, from exp(-5) at step 0; 1 throughout if
 * the length is 0.
 *
 * <p>Laine, Aila: <i>Temporal Ensembling for Semi-Supervised Learning</i>, arXiv 1610.02242.
 */
public record SigmoidRamp(long length) implements Schedule, Stateless {
    public SigmoidRamp {
        if (length < 0) {
            throw new IllegalArgumentException("A ramp's length must be >= 0 updates but is " + length + ".");
        }
    }

    @Override
    public double at(long step) {
        if (length == 0) {
            return 1;
        }
        double left = 1 - (double) Math.max(0, Math.min(step, length)) / length;
        return Math.exp(-5 * left * left);
    }

    @Override
    public String phase(long step) {
        return step < length ? "ramp" : "";
    }
}
