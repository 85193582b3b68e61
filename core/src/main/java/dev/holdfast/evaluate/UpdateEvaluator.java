package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.evaluate.metric.AccuracyCurves;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Differentiable;
import dev.holdfast.learner.Learner;
import dev.holdfast.nn.Pass;
import dev.holdfast.objective.Objective;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Moment;
import dev.holdfast.run.RunLog;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/**
 * Accuracy over time: after every rho-th update, and after the last one of each epoch, accuracy on a random subset of the
 * test set of each task seen so far; once more before the very first update, at step -1, if the learner can say anything
 * then. Leaves no trace in the learner: its weights are the same bits with and without it.
 *
 * <p>With n rows a point of accuracy p has a standard error of sqrt(p (1 - p) / n) as a measure of the whole test set. The
 * subset is drawn once a run, so this error is the same at all times and does not pass for forgetting.
 *
 * <p>De Lange, van de Ven, Tuytelaars, <i>Continual evaluation for lifelong learning: Identifying the stability gap</i>,
 * arXiv 2205.13452, section 3.
 */
public final class UpdateEvaluator implements LookAhead {
    /** The metric's name in the log. */
    public static final String CURVE = "accuracy.curve";
    /** Mean loss over a task's subset, in evaluation mode. */
    public static final String LOSS = "loss.curve";
    /** Norm of the gradient of that loss. */
    public static final String GRADIENT_NORM = "gradient.curve";
    /** Mean over a task's subset of the squared move of its features, summed, in the single update before. */
    public static final String DRIFT = "drift.curve";

    /** When subsets are drawn. */
    public enum Draw {
        /** Once a run. */
        ONCE,
        /** Anew for every evaluation, as in the paper's code: what the draw changes passes for forgetting. */
        REDRAW
    }

    /** What may be measured besides accuracy, of learners with a network. */
    public enum Measure {
        LOSS,
        GRADIENT_NORM,
        DRIFT
    }

    /**
     * @param every rho, updates between two evaluations
     * @param dense so many updates after the beginning of each part are evaluated one by one whatever {@code every} says
     * @param rows rows of each task's subset; -1 = all, and all rows of smaller test sets
     * @param draw when subsets are drawn
     * @param also what is measured besides accuracy
     */
    public record Options(long every, long dense, int rows, Draw draw, Set<Measure> also) {
        public Options {
            if (every < 1) {
                throw new IllegalArgumentException(
                        "every (rho) must be >= 1 update between evaluations but is " + every + ".");
            }
            if (dense < 0) {
                throw new IllegalArgumentException("dense must be >= 0 updates but is " + dense + ".");
            }
            if (rows < 1 && rows != -1) {
                throw new IllegalArgumentException(
                        "A subset needs rows >= 1, or -1 for all, but rows is " + rows + ".");
            }
            also = also.isEmpty() ? Set.of() : Set.copyOf(EnumSet.copyOf(also));
        }

        /** Every update, on 1000 rows of each task. */
        public static Options defaults() {
            return every(1, 1000);
        }

        /** Accuracy alone. */
        public static Options every(long every, int rows) {
            return new Options(every, 0, rows, Draw.ONCE, Set.of());
        }
    }

    private final Scenario scenario;
    private final Options options;
    private final Rng rng;
    private final long[] begins;
    private final Map<Integer, HeldRows> subsets = new TreeMap<>();
    private final Map<Integer, Tensor> features = new TreeMap<>();

    /**
     * @param every updates between evaluations
     * @param rows rows of each task's subset; -1 = all
     */
    public UpdateEvaluator(Scenario scenario, long every, int rows, Rng rng) {
        this(scenario, Options.every(every, rows), rng);
    }

    /** Draws the subsets. */
    public UpdateEvaluator(Scenario scenario, Options options, Rng rng) {
        this.scenario = scenario;
        this.options = options;
        this.rng = rng;
        List<Experience> parts = scenario.experiences();
        this.begins = new long[parts.size()];
        for (int i = 1; i < begins.length; i++) {
            Experience e = parts.get(i - 1);
            begins[i] = begins[i - 1] + e.pace().batches(e.train().size());
        }
        if (options.draw == Draw.ONCE) {
            scenario.tests().forEach(t -> subsets.put(t.task(), subset(t, rng.child("curve", t.task()))));
        }
    }

    private HeldRows subset(TestSet t, Rng draws) {
        int n = Math.toIntExact(t.data().size());
        if (options.rows == -1 || options.rows >= n) {
            return new HeldRows(t.data(), java.util.stream.IntStream.range(0, n).toArray());
        }
        return new HeldRows(t.data(), Arrays.copyOf(draws.permutation(n), options.rows));
    }

    @Override
    public boolean due(Moment m) {
        return m.step() == -1 || !m.experienceEnd() && m.step() > 0 && due(m.step(), m.experience());
    }

    private boolean due(long step, int part) {
        Experience e = scenario.experiences().get(part);
        long here = step - begins[part];
        long rows = e.train().size();
        long epoch = (rows + e.pace().batchSize() - 1) / e.pace().batchSize();
        return step % options.every == 0
                || here <= options.dense
                || here % epoch == 0
                || here == e.pace().batches(rows);
    }

    @Override
    public boolean dueBefore(Moment m) {
        return options.also.contains(Measure.DRIFT) && due(m.step() + 1, m.experience());
    }

    @Override
    public void before(Learner learner, Batch next, Moment m, RunLog log) {
        forget();
        for (TestSet t : seen(m.experience())) {
            try (Scope s = Scope.open()) {
                features.put(t.task(), Scope.own(features(network(learner), rows(t, m.step() + 1))));
            }
        }
    }

    @Override
    public void observe(Learner learner, Moment m, RunLog log) {
        if (learner.capabilities().has(Trait.LEARNS_AT_END)) {
            throw new IllegalArgumentException(learner.getClass().getSimpleName()
                    + " learns only at the end of a part, so there is nothing to see after single updates."
                    + "\nMaybe leave the evaluation of updates out for it.");
        }
        for (TestSet t : seen(m.experience())) {
            try (Scope s = Scope.open()) {
                List<Batch> rows = rows(t, m.step());
                log.put(CURVE, t.task(), m, Accuracy.of(learner, rows, t, scenario.taskIdAtTest()));
                if (!options.also.isEmpty() && m.step() > 0) {
                    more(network(learner), t, rows, m, log);
                }
            } catch (IllegalStateException nothingLearnt) {
                if (m.step() != -1) {
                    throw nothingLearnt;
                }
                // before any class was seen a learner may have nothing to say
                return;
            }
        }
        forget();
    }

    /** The test sets of tasks whose training has begun. */
    private List<TestSet> seen(int part) {
        Set<Integer> tasks = new LinkedHashSet<>();
        scenario.experiences().subList(0, part + 1).forEach(e -> tasks.add(e.task()));
        return scenario.tests().stream().filter(t -> tasks.contains(t.task())).toList();
    }

    private List<Batch> rows(TestSet t, long step) {
        HeldRows held =
                options.draw == Draw.ONCE ? subsets.get(t.task()) : subset(t, rng.child("curve", t.task(), step));
        return held.chunks();
    }

    private void more(Differentiable net, TestSet t, List<Batch> rows, Moment m, RunLog log) {
        boolean norm = options.also.contains(Measure.GRADIENT_NORM);
        if (norm || options.also.contains(Measure.LOSS)) {
            Objective o = net.objective(null);
            int n = rows.stream().mapToInt(Batch::size).sum();
            double loss = 0;
            ParamVector gradient = null;
            for (Batch b : rows) {
                Tensor mean = o.at(b).total(null).mul(Tensors.scalar(b.size() / (double) n));
                loss += mean.item_double();
                if (norm) {
                    ParamVector part = Autograd.grad(mean, o.parameters(), false);
                    gradient = gradient == null ? part : gradient.plus(1, part);
                }
            }
            if (options.also.contains(Measure.LOSS)) {
                log.put(LOSS, t.task(), m, loss);
            }
            if (norm) {
                log.put(GRADIENT_NORM, t.task(), m, gradient.norm());
            }
        }
        Tensor before = features.get(t.task());
        if (before != null) {
            Tensor d = features(net, rows).sub(before);
            log.put(DRIFT, t.task(), m, d.mul(d).sum().item_double() / d.size(0));
        }
    }

    private static Tensor features(Differentiable net, List<Batch> rows) {
        try (var mode = Autograd.noGrad()) {
            return Tensors.cat(
                    0,
                    rows.stream()
                            .map(b -> net.model().features(b.inputs(), Pass.eval()))
                            .toArray(Tensor[]::new));
        }
    }

    private static Differentiable network(Learner learner) {
        if (learner instanceof Differentiable d) {
            return d;
        }
        throw new IllegalArgumentException(learner.getClass().getSimpleName()
                + " has no network, so loss, gradient and features cannot be measured."
                + "\nMaybe measure its accuracy alone.");
    }

    private void forget() {
        features.values().forEach(Tensor::close);
        features.clear();
    }

    /**
     * The curves that this evaluator has written to a log, without the point at step -1; tasks are numbered in the order
     * in which they are learnt.
     *
     * @throws IllegalArgumentException if there is no point, or one is missing
     */
    public AccuracyCurves curves(MetricLog log) {
        List<Integer> order =
                scenario.experiences().stream().map(Experience::task).distinct().toList();
        Map<Long, double[]> rows = new LinkedHashMap<>();
        Map<Long, Integer> learning = new LinkedHashMap<>();
        for (MetricLog.Entry e : log.of(CURVE)) {
            if (e.step() > 0) {
                double[] row = rows.computeIfAbsent(e.step(), k -> {
                    double[] none = new double[order.size()];
                    Arrays.fill(none, Double.NaN);
                    return none;
                });
                row[order.indexOf(e.task())] = e.value();
                learning.put(
                        e.step(),
                        order.indexOf(scenario.experiences().get(e.experience()).task()));
            }
        }
        return new AccuracyCurves(
                rows.keySet().stream().mapToLong(Long::longValue).toArray(),
                new ArrayList<>(learning.values())
                        .stream().mapToInt(Integer::intValue).toArray(),
                rows.values().toArray(double[][]::new),
                options.dense > 0 ? 1 : options.every);
    }

    /** Least rows behind a point of any task. */
    public int leastRows() {
        return scenario.tests().stream()
                .mapToInt(t -> (int)
                        (options.rows == -1
                                ? t.data().size()
                                : Math.min(options.rows, t.data().size())))
                .min()
                .orElseThrow();
    }
}
