package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Stateless;
import java.util.List;

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

    @Override
    public double at(long step) {
        return Math.pow(gamma, milestones.stream().filter(m -> m <= step).count());
    }

    @Override
    public String phase(long step) {
        return "step " + milestones.stream().filter(m -> m <= step).count();
    }
}
