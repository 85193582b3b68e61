package dev.holdfast.select;

import org.hipparchus.distribution.continuous.BetaDistribution;

/** How often a teacher is wrong, from labelled rows: never by asking about the pool. Pure functions. */
public final class TeacherError {
    private TeacherError() {}

    /** Share of wrong answers. */
    public static double of(int wrong, int asked) {
        requireCounts(wrong, asked);
        return wrong / (double) asked;
    }

    /**
     * The largest share of wrong answers that agrees with what was seen at this confidence (Clopper and Pearson's one-sided
     * limit): for those who would rather expect too many mistakes.
     *
     * @param confidence in (0, 1), say 0.95
     */
    public static double upper(int wrong, int asked, double confidence) {
        requireCounts(wrong, asked);
        if (!(confidence > 0 && confidence < 1)) {
            throw new IllegalArgumentException("The confidence must be in (0, 1) but is " + confidence + ".");
        }
        return wrong == asked
                ? 1
                : new BetaDistribution(wrong + 1, asked - wrong).inverseCumulativeProbability(confidence);
    }

    /** Wrong answers to expect among n rows, rounded up. */
    public static int mistakes(double error, int n) {
        if (!(error >= 0 && error <= 1)) {
            throw new IllegalArgumentException("The teacher's share of wrong answers must be in [0, 1] but is " + error
                    + ".\nMaybe it is to be measured on labelled rows first.");
        }
        // 0.3 * 10 must not become 4 by rounding
        return (int) Math.min(n, Math.ceil(error * n - 1e-9));
    }

    private static void requireCounts(int wrong, int asked) {
        if (asked < 1 || wrong < 0 || wrong > asked) {
            throw new IllegalArgumentException(
                    "A teacher cannot be wrong about " + wrong + " of " + asked + " labelled rows.");
        }
    }
}
