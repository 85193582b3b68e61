package dev.holdfast.evaluate;

import dev.holdfast.learner.Learner;
import dev.holdfast.run.Moment;
import dev.holdfast.run.Probe;
import dev.holdfast.run.RunLog;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.List;

/**
 * Accuracy over time: every so many updates, accuracy on a fixed random subset of each task seen so far. With r rows of
 * the subset a point has a standard error of at most 1 / (2 sqrt(r)).
 *
 * <p>De Lange, van de Ven, Tuytelaars, <i>Continual evaluation for lifelong learning</i>, arXiv 2205.13452.
 */
public final class UpdateEvaluator implements Probe<Learner> {
    /** The metric's name in the log. */
    public static final String CURVE = "accuracy.curve";

    private final Scenario scenario;
    private final long every;
    private final List<TestSet> subsets;

    /**
     * @param every updates between evaluations
     * @param rows rows of each task's subset; all rows of smaller test sets
     */
    public UpdateEvaluator(Scenario scenario, long every, int rows, Rng rng) {
        if (every < 1 || rows < 1) {
            throw new IllegalArgumentException("every and rows must be >= 1 but are " + every + " and " + rows + ".");
        }
        this.scenario = scenario;
        this.every = every;
        this.subsets = scenario.tests().stream()
                .map(t -> {
                    int n = Math.toIntExact(t.data().size());
                    int[] some = rng.child("curve", t.task()).permutation(n);
                    return new TestSet(
                            t.task(), t.name(), t.data().subset(Arrays.copyOf(some, Math.min(rows, n))), t.classes());
                })
                .toList();
    }

    @Override
    public boolean due(Moment m) {
        return m.step() > 0 && m.step() % every == 0 && !m.experienceEnd();
    }

    @Override
    public void observe(Learner learner, Moment m, RunLog log) {
        int task = scenario.experiences().get(m.experience()).task();
        for (TestSet t : subsets) {
            if (t.task() <= task) {
                log.put(CURVE, t.task(), m, Accuracy.of(learner, t, scenario.taskIdAtTest()));
            }
        }
    }
}
