package dev.holdfast.evaluate;

import dev.holdfast.learner.Learner;
import dev.holdfast.run.Moment;
import dev.holdfast.run.Probe;
import dev.holdfast.run.RunLog;
import dev.holdfast.run.StepReport;

/**
 * Stops a run whose loss is no number any more: a step was refused because of it, and what follows would be refused too.
 * What was measured until then stays in the log. A learner without a loss is not concerned.
 */
public final class FiniteLoss implements Probe<Learner> {
    /** The run has diverged. */
    public static final class Diverged extends ArithmeticException {
        private static final long serialVersionUID = 1;

        Diverged(String message) {
            super(message);
        }
    }

    @Override
    public boolean due(Moment m) {
        StepReport r = m.last();
        return !m.experienceEnd()
                && r != null
                && !Double.isFinite(r.loss())
                && r.events().stream().anyMatch(e -> e.kind() == StepReport.Event.Kind.STEP_SKIPPED);
    }

    @Override
    public void observe(Learner learner, Moment m, RunLog log) {
        throw new Diverged("The loss of update " + m.step() + " is " + m.last().loss()
                + ", so training stopped there; what was measured before is kept."
                + "\nMaybe the learning rate is too high.");
    }
}
