package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Stateless;
import java.util.List;

/**
 * Half a cosine from 1 towards a floor in every segment, from 1 again in the next; a linear warm-up in the first. What {@link
 * StableDecay} is compared with in arXiv 2410.05192.
 *
 * @param warm updates of warm-up, >= 0
 * @param ends updates after which each segment ends, rising
 * @param floor in [0, 1]
 */
public record CyclicCosine(long warm, List<Long> ends, double floor) implements Schedule, Stateless {
    public CyclicCosine {
        ends = List.copyOf(ends);
        if (ends.isEmpty() || warm < 0 || warm >= ends.get(0) || !(floor >= 0 && floor <= 1)) {
            throw new IllegalArgumentException(
                    "Cosines by segments need segments, a warm-up within the first, and a floor in"
                            + " [0, 1] but have " + ends + ", " + warm + " and " + floor + ".");
        }
        for (int k = 1; k < ends.size(); k++) {
            if (ends.get(k) <= ends.get(k - 1)) {
                throw new IllegalArgumentException("Segments must end later and later but end after " + ends + ".");
            }
        }
    }

    @Override
    public double at(long step) {
        if (step < warm) {
            return (step + 1.0) / warm;
        }
        long start = warm;
        for (long end : ends) {
            if (step < end) {
                double f = (double) (step - start) / (end - start);
                return floor + (1 - floor) * (1 + Math.cos(Math.PI * f)) / 2;
            }
            start = end;
        }
        return floor;
    }

    @Override
    public String phase(long step) {
        return step < warm ? "warm-up" : step < ends.get(ends.size() - 1) ? "cosine" : "floor";
    }
}
