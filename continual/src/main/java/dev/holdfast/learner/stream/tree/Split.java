package dev.holdfast.learner.stream.tree;

/**
 * A test of one column: {@code x <= threshold} (numeric) or {@code x == value} (nominal) goes left.
 *
 * @param value code of a nominal column, -1 for a numeric one
 */
record Split(int column, double threshold, int value, double merit) {
    boolean left(double[] x) {
        return value < 0 ? x[column] <= threshold : x[column] == value;
    }
}
