package dev.holdfast.evaluate;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.LabelTree;
import dev.holdfast.data.Prediction;
import dev.holdfast.evaluate.metric.Anytime;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Moment;
import dev.holdfast.run.Probe;
import dev.holdfast.run.RunLog;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Accuracy at every level of a hierarchy: each test row is scored at all levels at which its class was seen, the prediction
 * at a level being the best of its columns. At regular updates on some rows of each test set, at the ends of parts on all,
 * class by class, together with whether the levels agree. Without a hierarchy there is one level. Leaves no trace in the
 * learner.
 *
 * <p>Lee et al., arXiv 2308.14374, section 5.1, with the metrics of Koh et al., arXiv 2110.10031; that levels agree is our
 * addition.
 */
public final class LevelEvaluator implements Probe<Learner> {
    private static final String CURVE = "accuracy.level.curve";
    private static final String END = "accuracy.level";
    private static final String CLASS = "accuracy.level.class";
    private static final String CONSISTENCY = "consistency";

    private final Scenario scenario;
    private final LabelTree tree;
    private final int depth;
    private final long every;
    private final List<Dataset> all;
    private final List<Dataset> some;

    /**
     * @param every updates between evaluations on the way
     * @param rows rows of each test set used for these, fewer where it has fewer
     */
    public LevelEvaluator(Scenario scenario, long every, int rows, Rng rng) {
        if (every < 1 || rows < 1) {
            throw new IllegalArgumentException(
                    "Expected every >= 1 and rows >= 1 but got " + every + " and " + rows + ".");
        }
        this.scenario = scenario;
        this.tree = scenario.schema().tree().orElse(null);
        this.depth = 1
                + scenario.schema().classes().columns().stream()
                        .mapToInt(this::level)
                        .max()
                        .orElseThrow();
        this.every = every;
        this.all = scenario.tests().stream()
                .map(TestSet::data)
                .filter(d -> level((int) d.classIds()[0]) == depth - 1)
                .toList();
        if (all.isEmpty()) {
            throw new IllegalArgumentException("Scenario '" + scenario.name()
                    + "' has no test set of classes of its finest level, so levels cannot be scored.");
        }
        this.some = all.stream()
                .map(d -> d.size() <= rows
                        ? d
                        : d.subset(
                                Arrays.copyOf(rng.child("rows", all.indexOf(d)).permutation((int) d.size()), rows)))
                .toList();
    }

    private int level(ClassIndex.Column c) {
        return level(c.classId());
    }

    private int level(int classId) {
        return tree == null ? 0 : tree.level(classId);
    }

    private int ancestor(int classId, int level) {
        int at = classId;
        while (level(at) > level) {
            at = tree.parent(at);
        }
        return at;
    }

    @Override
    public boolean due(Moment m) {
        return m.experienceEnd() || m.step() > 0 && m.step() % every == 0;
    }

    @Override
    public void observe(Learner learner, Moment m, RunLog log) {
        if (!m.experienceEnd() && learner.capabilities().has(Trait.LEARNS_AT_END)) {
            // it does not move in between
            return;
        }
        Set<Integer> seen = new HashSet<>();
        scenario.experiences().stream()
                .limit(m.experience() + 1L)
                .forEach(e -> e.classes().columns().forEach(c -> seen.add(c.classId())));
        Tally t = new Tally(seen);
        for (Dataset d : m.experienceEnd() ? all : some) {
            int n = (int) d.size();
            for (int from = 0; from < n; from += Accuracy.CHUNK) {
                try (Scope s = Scope.open()) {
                    var rows = d.rows(IntStream.range(from, Math.min(n, from + Accuracy.CHUNK))
                            .toArray());
                    t.count(learner.predict(rows.inputs()), rows.classIds());
                }
            }
        }
        for (int h = 0; h < depth; h++) {
            if (t.rows[h] > 0) {
                log.put(m.experienceEnd() ? END : CURVE, h, m, t.right[h] / (double) t.rows[h]);
            }
        }
        if (m.experienceEnd()) {
            t.rowsOf.forEach((c, n) -> log.put(CLASS, c, m, t.rightOf.getOrDefault(c, 0) / (double) n));
            if (t.compared > 0) {
                log.put(CONSISTENCY, -1, m, t.agreeing / (double) t.compared);
            }
        }
    }

    /** Counts of one evaluation. */
    private final class Tally {
        private final Set<Integer> seen;
        private final long[] right = new long[depth];
        private final long[] rows = new long[depth];
        private final Map<Integer, Integer> rowsOf = new TreeMap<>();
        private final Map<Integer, Integer> rightOf = new HashMap<>();
        private long agreeing;
        private long compared;

        Tally(Set<Integer> seen) {
            this.seen = seen;
        }

        void count(Prediction p, long[] leaves) {
            int[][] said = new int[depth][];
            for (int h = 0; h < depth; h++) {
                int at = h;
                boolean any = p.columns().columns().stream().anyMatch(c -> level(c) == at);
                said[h] = any ? p.classes(c -> level(c) == at) : null;
            }
            for (int i = 0; i < leaves.length; i++) {
                for (int h = 0; h < depth; h++) {
                    int truth = ancestor((int) leaves[i], h);
                    if (seen.contains(truth)) {
                        boolean hit = said[h] != null && said[h][i] == truth;
                        rows[h]++;
                        right[h] += hit ? 1 : 0;
                        rowsOf.merge(truth, 1, Integer::sum);
                        rightOf.merge(truth, hit ? 1 : 0, Integer::sum);
                    }
                    if (h < depth - 1 && said[h] != null && said[depth - 1] != null) {
                        compared++;
                        agreeing += ancestor(said[depth - 1][i], h) == said[h][i] ? 1 : 0;
                    }
                }
            }
        }
    }

    /** What this evaluator has written to a log, levels from coarse to fine. */
    public LevelScores scores(MetricLog log) {
        List<LevelScores.Level> levels = new ArrayList<>();
        for (int h = 0; h < depth; h++) {
            int level = h;
            double[] curve = values(log, CURVE, h);
            double[] ends = values(log, END, h);
            int classes = (int) scenario.schema().classes().columns().stream()
                    .filter(c -> level(c) == level)
                    .count();
            if (ends.length == 0) {
                levels.add(new LevelScores.Level(h, classes, null, null, null, null));
                continue;
            }
            // a stream shorter than the distance of two evaluations has its ends only
            Anytime a = Anytime.of(curve.length == 0 ? ends : curve, ends, classes(log, h, ends.length));
            levels.add(new LevelScores.Level(
                    h, classes, known(a.areaUnderCurve()), known(a.average()), known(a.last()), known(a.forgetting())));
        }
        double[] agree = values(log, CONSISTENCY, -1);
        return new LevelScores(levels, agree.length == 0 ? null : agree[agree.length - 1]);
    }

    private static double[] values(MetricLog log, String metric, int task) {
        return log.of(metric).stream()
                .filter(e -> e.task() == task)
                .mapToDouble(MetricLog.Entry::value)
                .toArray();
    }

    /** Accuracy of each class of a level at its last {@code ends} ends of parts, 0 before it was seen. */
    private double[][] classes(MetricLog log, int level, int ends) {
        Map<Integer, double[]> of = new LinkedHashMap<>();
        int parts = scenario.experiences().size();
        for (MetricLog.Entry e : log.of(CLASS)) {
            if (level(e.task()) == level) {
                of.computeIfAbsent(e.task(), c -> new double[parts])[e.experience()] = e.value();
            }
        }
        double[][] at = new double[ends][of.size()];
        int c = 0;
        for (double[] accuracy : of.values()) {
            for (int t = 0; t < ends; t++) {
                at[t][c] = accuracy[parts - ends + t];
            }
            c++;
        }
        return at;
    }

    private static Double known(double v) {
        return Double.isFinite(v) ? v : null;
    }
}
