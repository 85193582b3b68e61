package dev.holdfast.run;

/** Read-only watcher of a learner or a language model, called by the driver; due first, so that nothing is paid for what is not asked. */
public interface Probe<S> {
    boolean due(Moment m);

    void observe(S subject, Moment m, RunLog log);
}
