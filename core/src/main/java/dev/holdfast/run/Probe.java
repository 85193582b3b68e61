package dev.holdfast.run;

import dev.holdfast.config.Frozen;

/** Read-only watcher of something that learns, called by the driver between two steps. */
@Frozen
public interface Probe<S> {
    /** Whether this moment is looked at; asked first, so that nothing is paid for what is not wanted. */
    boolean due(Moment m);

    /** Looks at the subject without changing it and notes what it sees. */
    void observe(S subject, Moment m, RunLog log);
}
