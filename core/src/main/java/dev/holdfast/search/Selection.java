package dev.holdfast.search;

import dev.holdfast.evaluate.metric.SessionScores;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.ToDoubleFunction;

/** By what a setting is chosen: a mean over seeds; ties go to the higher final accuracy, then to the earlier setting. */
public enum Selection {
    /** Average incremental accuracy. */
    AVERAGE,
    /** Accuracy after the last part. */
    LAST,
    /** Harmonic mean of both. */
    HARMONIC_MEAN;

    /** The number that is compared. */
    public double of(SessionScores s) {
        return switch (this) {
            case AVERAGE -> s.average();
            case LAST -> s.last();
            case HARMONIC_MEAN ->
                s.average() + s.last() == 0 ? 0 : 2 * s.average() * s.last() / (s.average() + s.last());
        };
    }

    /**
     * The best setting.
     *
     * @param trials one list a setting, one entry a seed; null for a seed that failed or diverged, which takes the setting
     *     out; an empty list is a setting that was not tried
     * @return empty if no setting went through with all seeds
     */
    public OptionalInt best(List<List<SessionScores>> trials) {
        int best = -1;
        for (int r = 0; r < trials.size(); r++) {
            if (valid(trials.get(r)) && (best < 0 || better(trials.get(r), trials.get(best)))) {
                best = r;
            }
        }
        return best < 0 ? OptionalInt.empty() : OptionalInt.of(best);
    }

    /** Mean over the seeds. */
    public double mean(List<SessionScores> seeds) {
        return mean(seeds, this::of);
    }

    static boolean valid(List<SessionScores> seeds) {
        return !seeds.isEmpty() && seeds.stream().allMatch(Objects::nonNull);
    }

    private boolean better(List<SessionScores> a, List<SessionScores> b) {
        int byScore = Double.compare(mean(a), mean(b));
        return byScore > 0 || (byScore == 0 && mean(a, SessionScores::last) > mean(b, SessionScores::last));
    }

    private static double mean(List<SessionScores> seeds, ToDoubleFunction<SessionScores> number) {
        return seeds.stream().mapToDouble(number).average().orElseThrow();
    }
}
