package dev.holdfast.study;

import static dev.holdfast.study.Verdict.Outcome.DOES_NOT_HOLD;
import static dev.holdfast.study.Verdict.Outcome.HOLDS;
import static dev.holdfast.study.Verdict.Outcome.INCONCLUSIVE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class JudgeTest {
    private static final Findings FOUND = findings("er", 50, 60, 70, "der", 56, 59, 80, "agem", 20, 25, 30);

    private static Findings findings(Object... armsAndValues) {
        List<Findings.Row> rows = new ArrayList<>();
        String arm = null;
        long seed = 0;
        for (Object o : armsAndValues) {
            if (o instanceof String s) {
                arm = s;
                seed = 0;
            } else {
                rows.add(new Findings.Row(arm, "bed", ++seed, "accuracy", ((Number) o).doubleValue()));
            }
        }
        return new Findings(rows);
    }

    private static Verdict.Outcome outcome(Rule rule) {
        return Judge.judge(List.of(new Criterion("c", "a sentence", rule, true)), FOUND)
                .outcome();
    }

    @Test
    void pairsSeedsAndComparesTheMeanOrShareOfSeeds() {
        // differences are 6, -1, 10: mean 5
        assertThat(outcome(new Rule.Paired("bed", "accuracy", "der", "er", 5, false, 1)))
                .isEqualTo(HOLDS);
        assertThat(outcome(new Rule.Paired("bed", "accuracy", "der", "er", 5.01, false, 1)))
                .isEqualTo(DOES_NOT_HOLD);
        assertThat(outcome(new Rule.Paired("bed", "accuracy", "der", "er", 6, false, 2.0 / 3)))
                .isEqualTo(HOLDS);
        assertThat(outcome(new Rule.Paired("bed", "accuracy", "der", "er", 0, false, 0.7)))
                .isEqualTo(DOES_NOT_HOLD);
        // ratios are 2.5, 2.4, 2.333
        assertThat(outcome(new Rule.Paired("bed", "accuracy", "er", "agem", 2.4, true, 1)))
                .isEqualTo(HOLDS);
    }

    @Test
    void boundsIncludeTheirEnds() {
        assertThat(outcome(new Rule.Bound("bed", "accuracy", "er", 60, 60, 1))).isEqualTo(HOLDS);
        assertThat(outcome(new Rule.Bound("bed", "accuracy", "er", 60.1, 99, 1)))
                .isEqualTo(DOES_NOT_HOLD);
        assertThat(outcome(new Rule.Bound("bed", "accuracy", "er", 60, 99, 0.6)))
                .isEqualTo(HOLDS);
    }

    @Test
    void trendsFollowTheMeans() {
        assertThat(outcome(new Rule.Trend("bed", "accuracy", List.of("agem", "er", "der"), 1)))
                .isEqualTo(HOLDS);
        assertThat(outcome(new Rule.Trend("bed", "accuracy", List.of("er", "agem", "der"), 1)))
                .isEqualTo(DOES_NOT_HOLD);
        assertThat(outcome(new Rule.Trend("bed", "accuracy", List.of("er", "agem", "der"), 0.5)))
                .isEqualTo(HOLDS);
    }

    @Test
    void exactMeansEveryValue() {
        Findings f = new Findings(
                List.of(new Findings.Row("a", "b", 1, "error", 1e-9), new Findings.Row("a", "b", 2, "error", -3e-7)));
        assertThat(Judge.judge(List.of(new Criterion("c", "", new Rule.Exact("error", 1e-6), true)), f)
                        .outcome())
                .isEqualTo(HOLDS);
        assertThat(Judge.judge(List.of(new Criterion("c", "", new Rule.Exact("error", 1e-7), true)), f)
                        .outcome())
                .isEqualTo(DOES_NOT_HOLD);
    }

    @Test
    void whatWasNotMeasuredIsInconclusiveAndNamed() {
        Verdict v = Judge.judge(
                List.of(
                        new Criterion("a", "", new Rule.Bound("bed", "accuracy", "si", 0, 1, 1), true),
                        new Criterion("b", "", new Rule.Bound("bed", "accuracy", "er", 0, 100, 1), true),
                        new Criterion("r", "", new Rule.Report(), false)),
                FOUND);
        assertThat(v.outcome()).isEqualTo(INCONCLUSIVE);
        assertThat(v.byCriterion()).containsEntry("a", INCONCLUSIVE).containsEntry("b", HOLDS);
        assertThat(v.note()).contains("'si' on 'bed' was not measured").doesNotContain("r:");
    }

    @Test
    void oneRequiredFailureDecidesAndOptionalOnesDoNot() {
        Rule good = new Rule.Bound("bed", "accuracy", "er", 0, 100, 1);
        Rule bad = new Rule.Bound("bed", "accuracy", "er", 0, 1, 1);
        assertThat(Judge.judge(List.of(new Criterion("g", "", good, true), new Criterion("b", "", bad, false)), FOUND)
                        .outcome())
                .isEqualTo(HOLDS);
        assertThat(Judge.judge(List.of(new Criterion("g", "", good, true), new Criterion("b", "", bad, true)), FOUND)
                        .outcome())
                .isEqualTo(DOES_NOT_HOLD);
        assertThat(outcome(new Rule.AnyOf(List.of(bad, good)))).isEqualTo(HOLDS);
        assertThat(Judge.judge(List.of(new Criterion("b", "", bad, false)), FOUND)
                        .outcome())
                .isEqualTo(INCONCLUSIVE);
    }

    @Test
    void refusesAmbiguousRowsAndNames() {
        Findings twice = new Findings(List.of(
                new Findings.Row("er", "bed", 1, "accuracy", 1), new Findings.Row("er", "bed", 1, "accuracy", 2)));
        Criterion c = new Criterion("c", "", new Rule.Bound("bed", "accuracy", "er", 0, 1, 1), true);
        assertThatThrownBy(() -> Judge.judge(List.of(c), twice)).hasMessageContaining("twice");
        assertThatThrownBy(() -> Judge.judge(List.of(c, c), FOUND)).hasMessageContaining("'c'");
    }

    @Test
    void describesRulesBeforeTheRun() {
        assertThat(Judge.describe(new Rule.Paired("bed", "accuracy", "der", "er", 0.1 + 0.2, false, 0.8)))
                .isEqualTo("accuracy of der less er >= 0.3 on bed, in 80 % of the seeds");
        assertThat(Judge.describe(new Rule.AnyOf(List.of(new Rule.Exact("e", 1e-6), new Rule.Report()))))
                .isEqualTo("every e within 1.0E-6 of 0; or reported, not judged");
    }
}
