package dev.holdfast.search;

import dev.holdfast.evaluate.metric.SessionScores;
import dev.holdfast.math.RankStatistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.ToDoubleFunction;

/**
 * What tuning on one data set and scoring on another came to, beside the conventional protocol that tunes and scores on the
 * second one. A pure function of the outcomes.
 *
 * @param lines one a learner, in the order of the candidates
 * @param rankTwoPhase rank of every learner by its phase-2 mean, 1 = best; ties share their mean rank, learners without a
 *     valid setting come last
 * @param rankConventional the same by the conventional mean; empty where it was not run
 * @param kendallTau Kendall's tau-b between both; NaN where there is nothing to compare
 */
public record TwoPhaseReport(List<Line> lines, double[] rankTwoPhase, double[] rankConventional, double kendallTau) {

    /** Mean and sample standard deviation (n - 1; NaN for one seed). */
    public record Spread(double mean, double std) {
        static Spread of(List<SessionScores> seeds, ToDoubleFunction<SessionScores> number) {
            double[] v = seeds.stream().mapToDouble(number).toArray();
            double mean = Arrays.stream(v).average().orElseThrow();
            double squares = Arrays.stream(v).map(x -> (x - mean) * (x - mean)).sum();
            return new Spread(mean, v.length == 1 ? Double.NaN : Math.sqrt(squares / (v.length - 1)));
        }
    }

    /** A setting's scores on the second data set. */
    public record Scored(int setting, double selection, Spread average, Spread last, Spread forgetting) {
        static Scored of(int setting, List<SessionScores> seeds, Selection selection) {
            return new Scored(
                    setting,
                    selection.mean(seeds),
                    Spread.of(seeds, SessionScores::average),
                    Spread.of(seeds, SessionScores::last),
                    Spread.of(seeds, SessionScores::forgetting));
        }
    }

    /**
     * One learner.
     *
     * @param twoPhase the setting that tuning chose; null if none was valid, or it failed on the second data set
     * @param conventional the setting that is best on the second data set; null where not run or none was valid
     * @param overestimation by how much the conventional protocol flatters, in the selection metric; >= 0 by construction;
     *     NaN where one side is missing
     */
    public record Line(Tuned tuned, Scored twoPhase, Scored conventional, double overestimation) {}

    /**
     * @param scored for every learner one list a setting with one outcome a seed; empty lists for settings that were not run
     */
    public static TwoPhaseReport of(Selection selection, List<Tuned> tuned, List<List<List<Outcome>>> scored) {
        List<Line> lines = new ArrayList<>();
        boolean conventional = true;
        for (int a = 0; a < tuned.size(); a++) {
            List<List<SessionScores>> second = scored.get(a).stream()
                    .map(seeds -> seeds.stream().map(Outcome::scores).toList())
                    .toList();
            conventional &= second.stream().noneMatch(List::isEmpty);
            lines.add(line(selection, tuned.get(a), second));
        }
        double[] two = ranks(lines.stream().map(Line::twoPhase).toList());
        double[] one =
                conventional ? ranks(lines.stream().map(Line::conventional).toList()) : new double[0];
        return new TwoPhaseReport(
                List.copyOf(lines),
                two,
                one,
                conventional && lines.size() > 1 ? RankStatistics.kendall(two, one) : Double.NaN);
    }

    private static Line line(Selection selection, Tuned tuned, List<List<SessionScores>> second) {
        Scored chosen = tuned.selected().isPresent()
                        && Selection.valid(second.get(tuned.selected().getAsInt()))
                ? Scored.of(
                        tuned.selected().getAsInt(), second.get(tuned.selected().getAsInt()), selection)
                : null;
        boolean all = second.stream().noneMatch(List::isEmpty);
        OptionalInt best = all ? selection.best(second) : OptionalInt.empty();
        Scored conventional =
                best.isPresent() ? Scored.of(best.getAsInt(), second.get(best.getAsInt()), selection) : null;
        return new Line(
                tuned,
                chosen,
                conventional,
                chosen == null || conventional == null ? Double.NaN : conventional.selection - chosen.selection);
    }

    private static double[] ranks(List<Scored> scored) {
        return RankStatistics.ranks(
                scored.stream()
                        .mapToDouble(s -> s == null ? Double.NEGATIVE_INFINITY : s.selection)
                        .toArray(),
                true);
    }

    /** Overestimations of the learners that have one. */
    public double[] overestimations() {
        return lines.stream()
                .filter(l -> Objects.nonNull(l.twoPhase) && Objects.nonNull(l.conventional))
                .mapToDouble(Line::overestimation)
                .toArray();
    }
}
