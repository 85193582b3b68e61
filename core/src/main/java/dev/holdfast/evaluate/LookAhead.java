package dev.holdfast.evaluate;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;
import dev.holdfast.learner.Learner;
import dev.holdfast.run.Moment;
import dev.holdfast.run.Probe;
import dev.holdfast.run.RunLog;

/** A probe that also wants to see what is about to be learnt. */
@Frozen
public interface LookAhead extends Probe<Learner> {
    /** Whether the batch that comes next is looked at; asked first. */
    boolean dueBefore(Moment m);

    /** Looks at the learner and at the rows that it learns next, without changing either. */
    void before(Learner learner, Batch next, Moment m, RunLog log);
}
