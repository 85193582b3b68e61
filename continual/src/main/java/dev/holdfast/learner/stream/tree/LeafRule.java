package dev.holdfast.learner.stream.tree;

/** Which of its classifiers a leaf predicts with. */
public enum LeafRule {
    /** Always the label set seen most often. */
    MAJORITY,
    /** Always the nearest neighbours. */
    NEIGHBOURS,
    /** Always the bagged logistic units. */
    BAGGING,
    /** The majority while there is one label set only, neighbours while the leaf is young or nearly pure, then bagging. */
    ADAPTIVE
}
