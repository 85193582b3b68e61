package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Stateless;

/**
 * Half a cosine from 1 down to {@code floor} over {@code period} updates. Without restarts ({@code growth} 0) the factor
 * stays at the floor; with them cycle k takes {@code period * growth^k} updates and starts at 1 again.
 *
 * <p>Loshchilov, Hutter: <i>SGDR: Stochastic Gradient Descent with Warm Restarts</i>, arXiv 1608.03983, equation 5.
 *
 * @param period updates of the (first) cycle, >= 1
 * @param floor factor at the end of a cycle
 * @param growth 0 = no restarts, otherwise how much longer each cycle is, >= 1
 */
public record Cosine(long period, double floor, int growth) implements Schedule, Stateless {
    public Cosine {
        if (period < 1) {
            throw new IllegalArgumentException("A cosine's period must be >= 1 update but is " + period + ".");
        }
        Factors.requireFactor("floor", floor);
        if (growth < 0) {
            throw new IllegalArgumentException("A cosine's growth must be >= 0 but is " + growth + ".");
        }
    }

    /** One descent to 0 without restarts. */
    public Cosine(long period) {
        this(period, 0, 0);
    }

    @Override
    public double at(long step) {
        long t = step;
        long cycle = period;
        if (growth == 0) {
            t = Math.min(step, period);
        } else if (growth == 1) {
            t = step % period;
        } else {
            while (t >= cycle) {
                t -= cycle;
                cycle = Math.multiplyExact(cycle, growth);
            }
        }
        return floor + (1 - floor) * (1 + Math.cos(Math.PI * t / cycle)) / 2;
    }
}
