package dev.holdfast.learner;

import dev.holdfast.run.RunContext;

/** Idempotent; learning may go on afterwards (41). */
public interface Finishes {
    void finish(RunContext c);
}
