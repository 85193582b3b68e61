package dev.holdfast.evaluate;

import java.util.List;

/**
 * What a learner knew of every level of a hierarchy.
 *
 * @param levels from coarse to fine
 * @param consistency share of test rows whose finest prediction lies below the predictions at the coarser levels, mean
 *     over these levels; null with one level
 */
public record LevelScores(List<Level> levels, Double consistency) {
    /**
     * Accuracies of one level, on the test rows whose class at this level was seen; undefined numbers are null.
     *
     * @param level from 0, the coarsest
     * @param classes number of classes of the level
     * @param areaUnderCurve A_AUC, mean over evaluations a fixed number of updates apart, from the level's first rows on
     * @param average A_avg, mean over the ends of parts from the one with the level's first rows on
     * @param last A_last, after the last part
     * @param forgetting F_last, mean over classes that were ever known at the end of an earlier part of their best such
     *     accuracy less their last
     */
    public record Level(
            int level, int classes, Double areaUnderCurve, Double average, Double last, Double forgetting) {}

    public LevelScores {
        levels = List.copyOf(levels);
    }
}
