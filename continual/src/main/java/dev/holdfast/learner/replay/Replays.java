package dev.holdfast.learner.replay;

/** Checks that all replay learners share. */
final class Replays {
    private Replays() {}

    static void check(int capacity, int replayBatch) {
        if (capacity < 1 || replayBatch < 1) {
            throw new IllegalArgumentException("Replay needs capacity >= 1 and replayBatch >= 1 but has " + capacity
                    + " and " + replayBatch + ".\nMaybe fine-tuning, which stores nothing, is meant.");
        }
    }

    static double checkWeight(String name, double weight) {
        if (!(weight >= 0) || Double.isInfinite(weight)) {
            throw new IllegalArgumentException(name + " must be finite and >= 0 but is " + weight + ".");
        }
        return weight;
    }
}
