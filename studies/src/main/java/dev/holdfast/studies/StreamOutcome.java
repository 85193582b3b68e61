package dev.holdfast.studies;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Target;
import dev.holdfast.data.corrupt.ImageShift;
import dev.holdfast.learner.prototype.Csfa;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * What one learner did on one stream of sessions, in percent: over all sessions, over those that drift, on classes that came
 * later, on those of the base.
 *
 * @param resets times that it fell back to the model of the base
 */
record StreamOutcome(double all, double drifted, double fresh, double base, long resets) {
    double harmonic() {
        return 2 * fresh * base / Math.max(1e-9, fresh + base);
    }

    /** Right and all rows of a session, base and new classes apart. */
    private static final class Count {
        private int baseRight;
        private int base;
        private int freshRight;
        private int fresh;

        double share() {
            return 100.0 * (baseRight + freshRight) / (base + fresh);
        }
    }

    /** Every streamed batch is predicted and counted, then given without labels (or, to the oracle, with them). */
    static StreamOutcome of(
            Supplier<Csfa> learner, State base, Scenario scenario, List<ImageShift> drifts, long seed, boolean labels) {
        ClassIndex baseClasses = scenario.experiences().get(0).classes();
        Map<Integer, Count> sessions = new TreeMap<>();
        long resets = 0;
        try (Scope s = Scope.open();
                Csfa l = learner.get()) {
            l.load(base);
            for (Experience e :
                    scenario.experiences().subList(1, scenario.experiences().size())) {
                try (Loader batches = e.train().batches(e.pace(), Rng.of(seed))) {
                    while (batches.hasNext()) {
                        try (Scope step = Scope.open()) {
                            Batch b = batches.next();
                            if (!e.protocol().scored()) {
                                l.learn(b);
                                continue;
                            }
                            Count count = sessions.computeIfAbsent(e.task(), k -> new Count());
                            count(count, l.predict(b.inputs()).classes(), b.classIds(), baseClasses);
                            StepReport r = given(l, labels ? known(b) : b.withoutTarget());
                            resets += r.events().stream()
                                    .filter(v -> v.kind() == StepReport.Event.Kind.MODEL_RESET)
                                    .count();
                        }
                    }
                }
            }
        }
        double all = mean(sessions, k -> true);
        double drifted = mean(sessions, k -> !(drifts.get(k) instanceof ImageShift.None));
        int[] sum = new int[4];
        sessions.values().forEach(k -> {
            sum[0] += k.freshRight;
            sum[1] += k.fresh;
            sum[2] += k.baseRight;
            sum[3] += k.base;
        });
        return new StreamOutcome(all, drifted, 100.0 * sum[0] / sum[1], 100.0 * sum[2] / sum[3], resets);
    }

    private static double mean(Map<Integer, Count> sessions, IntPredicate which) {
        return sessions.entrySet().stream()
                .filter(e -> which.test(e.getKey()))
                .mapToDouble(e -> e.getValue().share())
                .average()
                .orElseThrow();
    }

    /** A batch of nothing but garbage leaves nothing to learn with labels. */
    private static StepReport given(Csfa l, Batch b) {
        return b.size() == 0 ? new StepReport(Double.NaN, 0) : l.learn(b);
    }

    /** The rows that have a class. */
    private static Batch known(Batch b) {
        long[] y = b.classIds();
        return b.rows(IntStream.range(0, y.length)
                .filter(i -> y[i] != Target.ClassIds.NO_CLASS)
                .toArray());
    }

    private static void count(Count count, int[] said, long[] truth, ClassIndex baseClasses) {
        for (int i = 0; i < said.length; i++) {
            if (truth[i] == Target.ClassIds.NO_CLASS) {
                continue;
            }
            int right = said[i] == truth[i] ? 1 : 0;
            if (baseClasses.columnOf((int) truth[i]) >= 0) {
                count.base++;
                count.baseRight += right;
            } else {
                count.fresh++;
                count.freshRight += right;
            }
        }
    }
}
