package dev.holdfast.evaluate.metric;

import java.util.ArrayList;
import java.util.List;

/**
 * Scores of few-shot class-incremental learning in percent: after every session the accuracy over all classes so far, over
 * those of the base and over the new ones, which the base would hide. A pure function of counts.
 *
 * <p>Tao et al., <i>Few-Shot Class-Incremental Learning</i>, arXiv 2004.10956.
 *
 * @param sessions scores after each session, the base first
 * @param performanceDrop accuracy after the base less that after the last session
 * @param average mean accuracy over sessions
 */
public record FewShotScores(List<Session> sessions, double performanceDrop, double average) {
    /**
     * Scores after a session.
     *
     * @param all accuracy over all test rows of the classes so far
     * @param base over those of base classes
     * @param novel over those of later classes; NaN after the base
     * @param harmonic harmonic mean of base and novel; NaN after the base, 0 if one of them is 0
     */
    public record Session(double all, double base, double novel, double harmonic) {}

    public FewShotScores {
        sessions = List.copyOf(sessions);
    }

    /** The last session's. */
    public Session last() {
        return sessions.get(sessions.size() - 1);
    }

    /**
     * @param baseClasses number of base classes
     * @param way classes a session adds
     * @param correct [session][class]: test rows of the class that were right; classes in order of arrival
     * @param total [session][class]: all test rows of the class
     */
    public static FewShotScores of(int baseClasses, int way, long[][] correct, long[][] total) {
        if (correct.length == 0 || correct.length != total.length || baseClasses < 1 || way < 1) {
            throw new IllegalArgumentException(
                    "Scores need counts of at least one session, one base class and a way >= 1"
                            + " but there are " + correct.length + " and " + total.length + " sessions, " + baseClasses
                            + " base classes and way " + way + ".");
        }
        List<Session> sessions = new ArrayList<>();
        for (int s = 0; s < correct.length; s++) {
            int classes = baseClasses + s * way;
            if (correct[s].length != classes || total[s].length != classes) {
                throw new IllegalArgumentException("After session " + s + " there are " + classes
                        + " classes but counts of " + correct[s].length + " and " + total[s].length + ".");
            }
            for (int c = 0; c < classes; c++) {
                if (correct[s][c] < 0 || total[s][c] < 1 || correct[s][c] > total[s][c]) {
                    throw new IllegalArgumentException("After session " + s + " class " + c + " has " + correct[s][c]
                            + " right of " + total[s][c] + " rows.");
                }
            }
            double base = share(correct[s], total[s], 0, baseClasses);
            double novel = s == 0 ? Double.NaN : share(correct[s], total[s], baseClasses, classes);
            double harmonic = s == 0 ? Double.NaN : base + novel == 0 ? 0 : 2 * base * novel / (base + novel);
            sessions.add(new Session(share(correct[s], total[s], 0, classes), base, novel, harmonic));
        }
        double drop = sessions.get(0).all - sessions.get(sessions.size() - 1).all;
        return new FewShotScores(
                sessions,
                drop,
                sessions.stream().mapToDouble(Session::all).average().orElseThrow());
    }

    private static double share(long[] correct, long[] total, int from, int to) {
        double right = 0;
        double all = 0;
        for (int c = from; c < to; c++) {
            right += correct[c];
            all += total[c];
        }
        return 100 * right / all;
    }
}
