package dev.holdfast.learner.project;

/** Which score columns compete in training. */
public enum Competing {
    /** Those of the classes of the part that is learnt: a head a task, as in the papers' task-incremental experiments. */
    OWN_PART,
    /** All that there are. */
    ALL
}
