package dev.holdfast.app.schedule;

import dev.holdfast.optim.Schedule;
import java.util.ArrayList;
import java.util.List;

/**
 * Rates of one or several runs by update, with their phases.
 *
 * @param peak rate where the factor is 1
 * @param runs the trunk or the only run first
 * @param updates the last update of the longest, plus one
 */
record RateCurves(String title, double peak, List<Run> runs, long updates) {
    /**
     * One run.
     *
     * @param from its first update
     * @param to its last update, plus one
     */
    record Run(String name, long from, long to, Schedule factor) {}

    /**
     * A stretch of updates in one phase.
     *
     * @param from first update
     * @param to last update, plus one
     */
    record Phase(String run, String name, long from, long to, double first, double last) {}

    static RateCurves of(String title, double peak, List<Run> runs) {
        return new RateCurves(
                title,
                peak,
                List.copyOf(runs),
                runs.stream().mapToLong(Run::to).max().orElseThrow());
    }

    double rate(Run r, long update) {
        return peak * r.factor().at(update);
    }

    /** All phases, run by run; a phase also ends at every given update. */
    List<Phase> phases(List<Long> ends) {
        List<Phase> all = new ArrayList<>();
        for (Run r : runs) {
            long from = r.from();
            for (long t = r.from() + 1; t <= r.to(); t++) {
                if (t == r.to()
                        || ends.contains(t)
                        || !r.factor().phase(t).equals(r.factor().phase(from))) {
                    all.add(new Phase(r.name(), r.factor().phase(from), from, t, rate(r, from), rate(r, t - 1)));
                    from = t;
                }
            }
        }
        return all;
    }

    /** Update and rate of a run at no more than so many places, both ends and what is beside a checkpoint included. */
    List<double[]> points(Run r, int most, List<Long> ends) {
        long stride = Math.max(1, (r.to() - r.from()) / most);
        List<double[]> points = new ArrayList<>();
        for (long t = r.from(); t < r.to(); t++) {
            boolean border = t == r.to() - 1 || ends.contains(t) || ends.contains(t + 1);
            if (border || (t - r.from()) % stride == 0) {
                points.add(new double[] {t, rate(r, t)});
            }
        }
        return points;
    }
}
