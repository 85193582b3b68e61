package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Stateless;
import java.util.List;
import java.util.stream.LongStream;

/** Factor {@code gamma^k} after k of the milestones have been reached; milestones are update counts, ascending. */
public record Steps(List<Long> milestones, double gamma) implements Schedule, Stateless {
    public Steps {
        milestones = List.copyOf(milestones);
        Factors.requireFactor("gamma", gamma);
        for (int i = 0; i < milestones.size(); i++) {
            if (milestones.get(i) < (i == 0 ? 1 : milestones.get(i - 1) + 1)) {
                throw new IllegalArgumentException("Milestones must be >= 1 and ascend but are " + milestones + ".");
            }
        }
    }

    /**
     * The milestones that class-incremental learners are searched over: m of them at the even (2m + 1)-ths of a length,
     * floor(2 i length / (2m + 1)) for i = 1..m.
     */
    public static List<Long> evenly(long length, int m) {
        if (length < m || m < 1) {
            throw new IllegalArgumentException(
                    "Milestones need 1 <= count <= length but are " + m + " in " + length + ".");
        }
        return LongStream.rangeClosed(1, m)
                .map(i -> 2 * i * length / (2L * m + 1))
                .boxed()
                .toList();
    }

    @Override
    public double at(long step) {
        return Math.pow(gamma, milestones.stream().filter(m -> m <= step).count());
    }

    @Override
    public String phase(long step) {
        return "step " + milestones.stream().filter(m -> m <= step).count();
    }
}
