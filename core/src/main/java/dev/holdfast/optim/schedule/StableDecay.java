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

        /** The factor; the floor itself, to the bit, at f = 1. */
        public double at(double f, double floor) {
            if (f == 1) {
                return floor;
            }
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
            long rise = k == 0 ? warm : rewarm;
            if (ends.get(k) <= start) {
                throw new IllegalArgumentException("Segments must end later and later but end after " + ends + ": "
                        + "segment " + k + " ends after " + ends.get(k) + ".");
            }
            if (decays.get(k) < 0 || decays.get(k) >= ends.get(k) - start - rise) {
                throw new IllegalArgumentException("Segment " + k + " runs from " + start + " to " + ends.get(k)
                        + " and rises for " + rise + " updates, so its fall must take 0 to "
                        + (ends.get(k) - start - rise - 1) + " updates but takes " + decays.get(k) + ".");
            }
        }
    }

    /** What the length of a fall is a share of. */
    public enum DecayOf {
        /** The updates of its segment. */
        SEGMENT,
        /** All updates up to its checkpoint. */
        TOTAL
    }

    /**
     * Falls that take a share of the updates, rounded, without rises after checkpoints.
     *
     * @param share in [0, 1)
     */
    public static StableDecay of(long warm, List<Long> ends, double share, DecayOf of, double floor, Shape shape) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("The share of a fall must be in [0, 1) but is " + share + ".");
        }
        List<Long> decays = new ArrayList<>();
        for (int k = 0; k < ends.size(); k++) {
            long start = k == 0 || of == DecayOf.TOTAL ? 0 : ends.get(k - 1);
            decays.add(Math.round(share * (ends.get(k) - start)));
        }
        return new StableDecay(warm, ends, decays, floor, shape, 0);
    }

    /** WSD: one checkpoint. */
    public static StableDecay once(long warm, long end, long decay, double floor, Shape shape) {
        return new StableDecay(warm, List.of(end), List.of(decay), floor, shape, 0);
    }

    @Override
    public double at(long step) {
        int k = segment(step);
        if (k == ends.size()) {
            return 1;
        }
        long start = k == 0 ? 0 : ends.get(k - 1);
        long fallen = step - (ends.get(k) - decays.get(k)) + 1;
        if (fallen > 0) {
            return shape.at((double) fallen / decays.get(k), floor);
        }
        double risen = step - start + 1;
        if (k == 0) {
            return step < warm ? risen / warm : 1;
        }
        return rewarms(k, step) ? floor + (1 - floor) * risen / rewarm : 1;
    }

    /** Number of the segment that an update is in, from 0; the number of segments after the last. */
    public int segment(long step) {
        int k = 0;
        while (k < ends.size() && step >= ends.get(k)) {
            k++;
        }
        return k;
    }

    /** Where the last segment did not fall there is nothing to rise from. */
    private boolean rewarms(int k, long step) {
        return decays.get(k - 1) > 0 && step < ends.get(k - 1) + rewarm;
    }

    @Override
    public String phase(long step) {
        int k = segment(step);
        if (k == ends.size()) {
            return "stable";
        }
        if (step >= ends.get(k) - decays.get(k)) {
            return "decay";
        }
        return k == 0 ? step < warm ? "warm-up" : "stable" : rewarms(k, step) ? "rewarm" : "stable";
    }

    /** What WSD's trunk does: the warm-up, then the full rate for ever. */
    public StableDecay trunk() {
        return once(warm, warm + 1, 0, floor, shape);
    }

    /** What WSD's k-th branch has lived through: the trunk up to where it leaves, then its fall. */
    public StableDecay branch(int k) {
        return once(warm, ends.get(k), decays.get(k), floor, shape);
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
