package dev.holdfast.evaluate;

import dev.holdfast.learner.Learner;
import dev.holdfast.run.Moment;
import dev.holdfast.run.Probe;
import dev.holdfast.run.RunLog;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.TestSet;

/**
 * The accuracy square: after each experience, accuracy on the test set of every task, past and future; of downstream
 * tasks, that of a linear probe on the learner's features. Leaves no trace in the learner.
 */
public final class TaskEvaluator implements Probe<Learner> {
    /** The metric's name in the log. */
    public static final String ACCURACY = "accuracy";

    private final Scenario scenario;
    private final String metric;
    private final boolean taskKnown;

    /** As the scenario says about the task id at test time. */
    public TaskEvaluator(Scenario scenario) {
        this(scenario, ACCURACY, scenario.taskIdAtTest());
    }

    /** Under a name of its own, so that one run can be scored with and without the task id. */
    public TaskEvaluator(Scenario scenario, String metric, boolean taskKnown) {
        this.scenario = scenario;
        this.metric = metric;
        this.taskKnown = taskKnown;
    }

    @Override
    public boolean due(Moment m) {
        return m.experienceEnd();
    }

    @Override
    public void observe(Learner learner, Moment m, RunLog log) {
        for (TestSet t : scenario.tests()) {
            double accuracy =
                    t.probe().isPresent() ? LinearProbe.accuracy(learner, t) : Accuracy.of(learner, t, taskKnown);
            log.put(metric, t.task(), m, accuracy);
        }
    }
}
