package dev.holdfast.run;

import dev.holdfast.config.Frozen;

/** Where evaluators write numbers while a run goes on. */
@Frozen
public interface RunLog {
    /** Notes the value of a metric on a task (-1 = overall) at a moment. */
    void put(String metric, int task, Moment m, double value);

    /** The metric at the end of each experience (row) on each task (column); NaN where it was not measured. */
    double[][] square(String metric);
}
