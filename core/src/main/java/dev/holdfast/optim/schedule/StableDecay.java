package dev.holdfast.optim.schedule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Stateless;
import java.util.ArrayList;
import java.util.List;

/**
 * Warm-up, a constant rate, and a fall at the end of each segment, where a checkpoint is wanted: WSD with one segment, WSD-S with
 * several, which goes on from the decayed checkpoint at the full rate. The last update of a fall is at the floor exactly. After
 * the last segment the rate is 1, so that training can go on.
 *
 * <p>{@link #branches} gives the falls of WSD proper, whose trunk never falls: each starts from a snapshot of the trunk and is
 * thrown away after its checkpoint.
 *
 * <p>Wen et al.: <i>Understanding Warmup-Stable-Decay Learning Rates: A River Valley Loss Landscape Perspective</i>, arXiv
 * 2410.05192.
 *
 * @param warm updates of linear warm-up, >= 0
 * @param ends updates after which each segment ends, rising
 * @param decays updates of the fall of each; 0 = none
 * @param floor factor at the end of a fall, in [0, 1]; > 0 for the inverse and exponential shapes
 * @param shape of the falls
 * @param rewarm updates over which the rate rises from the floor after a checkpoint; 0 = at once
 */
public record StableDecay(long warm, List<Long> ends, List<Long> decays, double floor, Shape shape, long rewarm)
        implements Schedule, Stateless {
    /** How a rate falls, by the share f in (0, 1] of the fall that is done. */
    public enum Shape {
        LINEAR,
        COSINE,
        /** One over the rate rises linearly: what the theory of a quadratic valley asks for. */
        INVERSE,
        EXPONENTIAL,
        /** 1 - sqrt. */
        SQRT;

        /** The factor. */
        public double at(double f, double floor) {
            return switch (this) {
                case LINEAR -> 1 - (1 - floor) * f;
                case COSINE -> floor + (1 - floor) * (1 + Math.cos(Math.PI * f)) / 2;
                case INVERSE -> 1 / (1 - f + f / floor);
                case EXPONENTIAL -> Math.pow(floor, f);
                case SQRT -> 1 - (1 - floor) * Math.sqrt(f);
            };
        }
    }

    public StableDecay {
        ends = List.copyOf(ends);
        decays = List.copyOf(decays);
        if (ends.isEmpty() || ends.size() != decays.size()) {
            throw new IllegalArgumentException("There are " + ends.size() + " segments but " + decays.size()
                    + " falls; expected as many of each, at least one.");
        }
        if (warm < 0 || rewarm < 0 || !(floor >= 0 && floor <= 1)) {
            throw new IllegalArgumentException(
                    "A stable rate with falls needs warm >= 0, rewarm >= 0 and a floor in [0, 1] but has " + warm + ", "
                            + rewarm + " and " + floor + ".");
        }
        if (floor == 0 && (shape == Shape.INVERSE || shape == Shape.EXPONENTIAL)) {
            throw new IllegalArgumentException("A fall of the shape " + shape + " needs a floor > 0.");
        }
        for (int k = 0; k < ends.size(); k++) {
            long start = k == 0 ? 0 : ends.get(k - 1);
            long free = ends.get(k) - start - (k == 0 ? warm : rewarm);
            if (ends.get(k) <= start || decays.get(k) < 0 || decays.get(k) > free) {
                throw new IllegalArgumentException("Segment " + k + " runs from " + start + " to " + ends.get(k)
                        + " and falls for " + decays.get(k) + " updates, which does not fit.");
            }
        }
    }

    /** WSD: one checkpoint. */
    public static StableDecay once(long warm, long end, long decay, double floor, Shape shape) {
        return new StableDecay(warm, List.of(end), List.of(decay), floor, shape, 0);
    }

    @Override
    public double at(long step) {
        long start = 0;
        for (int k = 0; k < ends.size(); k++) {
            long end = ends.get(k);
            if (step < end) {
                long into = step - (end - decays.get(k)) + 1;
                if (into > 0) {
                    return shape.at((double) into / decays.get(k), floor);
                }
                long since = step - start;
                if (k == 0) {
                    return since < warm ? (since + 1.0) / warm : 1;
                }
                return since < rewarm ? floor + (1 - floor) * (since + 1) / rewarm : 1;
            }
            start = end;
        }
        return 1;
    }

    @Override
    public String phase(long step) {
        double now = at(step);
        return now == 1 ? "stable" : step < warm ? "warm-up" : at(step + 1) > now && now > floor ? "rewarm" : "decay";
    }

    /**
     * A branch of WSD.
     *
     * @param from updates of the trunk before it leaves
     * @param factors of its updates
     */
    public record Branch(long from, List<Double> factors) {}

    /** The branches of WSD with a trunk that only warms up; one a checkpoint. */
    public List<Branch> branches() {
        List<Branch> all = new ArrayList<>();
        for (int k = 0; k < ends.size(); k++) {
            List<Double> factors = new ArrayList<>();
            for (long j = 1; j <= decays.get(k); j++) {
                factors.add(shape.at((double) j / decays.get(k), floor));
            }
            all.add(new Branch(ends.get(k) - decays.get(k), List.copyOf(factors)));
        }
        return List.copyOf(all);
    }

    /** Updates that WSD takes for all checkpoints: the trunk to where the last branch leaves, and all branches. */
    public long branchedUpdates() {
        long branches = decays.stream().mapToLong(Long::longValue).sum();
        int last = ends.size() - 1;
        return ends.get(last) - decays.get(last) + branches;
    }
}
