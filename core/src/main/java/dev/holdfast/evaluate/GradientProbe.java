package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.learner.SplitsGradient.Split;
import dev.holdfast.run.Moment;
import dev.holdfast.run.RunLog;

/**
 * How each update's gradient divides into what learns and what holds on: norms of the two parts and the cosine between
 * them, noted before the update under the number of updates done so far. Leaves no trace in the learner.
 *
 * <p>De Lange, van de Ven, Tuytelaars, arXiv 2205.13452, section 5: right after a switch the stability part is near 0, so
 * the steps follow the plasticity part alone; it grows when the damage is done.
 */
public final class GradientProbe implements LookAhead {
    /** ||g_p||. */
    public static final String PLASTICITY = "gradient.plasticity";
    /** ||g_s||; 0 for a learner without a stability part, which {@link #STABILITY_FROM} marks. */
    public static final String STABILITY = "gradient.stability";
    /** cos(g_p, g_s); NaN where one of them is 0. */
    public static final String COSINE = "gradient.cosine";
    /** Position in {@link SplitsGradient.Stability} of what the stability comes from; 0 = none. */
    public static final String STABILITY_FROM = "gradient.stability.from";

    private final long every;
    private final int part;

    /**
     * @param every updates between two records
     */
    public GradientProbe(long every) {
        this(every, -1);
    }

    /**
     * @param part the part of the stream to watch, from 0; -1 = all
     */
    public GradientProbe(long every, int part) {
        if (every < 1) {
            throw new IllegalArgumentException("every must be >= 1 update but is " + every + ".");
        }
        this.every = every;
        this.part = part;
    }

    @Override
    public boolean dueBefore(Moment m) {
        return m.step() % every == 0 && (part < 0 || part == m.experience());
    }

    @Override
    public void before(Learner learner, Batch next, Moment m, RunLog log) {
        if (!(learner instanceof SplitsGradient splits)) {
            throw new IllegalArgumentException(
                    learner.getClass().getSimpleName() + " does not say how its gradient divides (SplitsGradient)."
                            + "\nMaybe leave the gradient probe out for this learner.");
        }
        Split s = splits.split(next);
        log.put(PLASTICITY, -1, m, s.plasticity().norm());
        log.put(STABILITY, -1, m, s.stability().norm());
        log.put(COSINE, -1, m, s.cosine());
        log.put(STABILITY_FROM, -1, m, s.from().ordinal());
        s.more().forEach(t -> log.put("gradient." + t.name(), -1, m, t.value()));
    }

    @Override
    public boolean due(Moment m) {
        return false;
    }

    @Override
    public void observe(Learner learner, Moment m, RunLog log) {
        // all is seen before the step
    }
}
