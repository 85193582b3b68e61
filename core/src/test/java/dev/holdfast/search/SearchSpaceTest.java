package dev.holdfast.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.evaluate.metric.SessionScores;
import dev.holdfast.optim.schedule.Steps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SearchSpaceTest {
    record Options(int capacity, double rate, boolean fast) {
        Options {
            if (capacity < 1) {
                throw new IllegalArgumentException("capacity must be >= 1 but is " + capacity + ".");
            }
        }
    }

    record Layout(int epochs) {}

    private static final Options BASE = new Options(10, 0.1, false);
    private static final Layout LAYOUT = new Layout(1);

    @Test
    void axesAreReadAsTyped() {
        assertThat(SearchAxis.parse("rate", "0.1, 0.2,0.3"))
                .isEqualTo(new SearchAxis.Values("rate", List.of("0.1", "0.2", "0.3")));
        assertThat(SearchAxis.parse("rate", "1e-4..0.1")).isEqualTo(new SearchAxis.Range("rate", 1e-4, 0.1, false));
        assertThat(SearchAxis.parse("rate", "1e-4..0.1:log")).isEqualTo(new SearchAxis.Range("rate", 1e-4, 0.1, true));
        assertThatThrownBy(() -> SearchAxis.parse("rate", "low..high")).hasMessageContaining("1e-4..1e-1");
        assertThatThrownBy(() -> SearchAxis.parse("rate", " , ")).hasMessageContaining("no values");
        assertThatThrownBy(() -> SearchAxis.parse("rate", "0..1:log")).hasMessageContaining("both > 0");
        assertThatThrownBy(() -> SearchAxis.parse("rate", "2..1")).hasMessageContaining("the smaller first");
    }

    @Property
    void intervalsAreDrawnInside(@ForAll @DoubleRange(min = 0, max = 0.99) double u) {
        assertThat(Double.parseDouble(new SearchAxis.Range("r", 2, 4, false).at(u)))
                .isCloseTo(2 + 2 * u, within(1e-12));
        double log = Double.parseDouble(new SearchAxis.Range("r", 1e-4, 1, true).at(u));
        assertThat(Math.log10(log)).isCloseTo(-4 + 4 * u, within(1e-9));
    }

    @Test
    void settingsSplitIntoScenarioAndLearner() {
        SearchSpace space = new SearchSpace(
                        List.of(SearchAxis.parse("capacity", "1,2"), SearchAxis.parse("scenario.epochs", "3,4")))
                .with(SearchAxis.parse("capacity", "5"));
        Map<String, String> drawn = space.draw(0.9, 0.1);
        assertThat(drawn).containsExactly(Map.entry("capacity", "5"), Map.entry("scenario.epochs", "3"));
        assertThat(SearchSpace.ofScenario(drawn)).containsExactly(Map.entry("epochs", "3"));
        assertThat(SearchSpace.ofLearner(drawn)).containsExactly(Map.entry("capacity", "5"));
        space.requireFits("mine", BASE, LAYOUT);
    }

    @Test
    void unfitAxesAreRefusedByName() {
        assertThatThrownBy(() ->
                        new SearchSpace(List.of(SearchAxis.parse("capcity", "1"))).requireFits("mine", BASE, LAYOUT))
                .hasMessageContaining("mine")
                .hasMessageContaining("Maybe 'capacity'");
        assertThatThrownBy(() ->
                        new SearchSpace(List.of(SearchAxis.parse("capacity", "0,4"))).requireFits("mine", BASE, LAYOUT))
                .hasMessageContaining("capacity=0")
                .hasMessageContaining("must be >= 1");
        assertThatThrownBy(() -> new SearchSpace(List.of(SearchAxis.parse("scenario.passes", "4")))
                        .requireFits("mine", BASE, LAYOUT))
                .hasMessageContaining("passes");
        assertThatThrownBy(() -> new SearchSpace(List.of(SearchAxis.parse("rate", "1"), SearchAxis.parse("rate", "2"))))
                .hasMessageContaining("two axes for 'rate'");
        assertThatThrownBy(() -> new SearchSpace(List.of(SearchAxis.parse("rate", "1"))).draw())
                .hasMessageContaining("1 axes");
        assertThatThrownBy(() -> new SearchSpace(List.of(SearchAxis.parse("rate", "1"))).draw(1))
                .hasMessageContaining("[0, 1)");
    }

    /** H* does not depend on the order of the trials, ties apart. */
    @Property(tries = 200)
    void selectionIgnoresOrder(@ForAll @IntRange(min = 1, max = 12) int n, @ForAll long seed) {
        Random random = new Random(seed);
        List<List<SessionScores>> trials = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            boolean fails = random.nextInt(4) == 0;
            trials.add(
                    Arrays.asList(scores(random.nextDouble(), random.nextDouble()), fails ? null : scores(0.5, 0.5)));
        }
        List<List<SessionScores>> shuffled = new ArrayList<>(trials);
        Collections.shuffle(shuffled, random);
        for (Selection s : Selection.values()) {
            var best = s.best(trials);
            var again = s.best(shuffled);
            assertThat(best.isPresent()).isEqualTo(again.isPresent());
            if (best.isPresent()) {
                assertThat(shuffled.get(again.getAsInt())).isSameAs(trials.get(best.getAsInt()));
            }
        }
    }

    @Test
    void tiesGoToTheFinalAccuracyThenToTheEarlierTrial() {
        List<SessionScores> early = List.of(scores(0.5, 0.2));
        List<SessionScores> late = List.of(scores(0.5, 0.3));
        assertThat(Selection.AVERAGE.best(List.of(early, late, late))).hasValue(1);
        assertThat(Selection.AVERAGE.best(List.of(List.of(), early, early))).hasValue(1);
        assertThat(Selection.AVERAGE.best(List.of(Arrays.asList((SessionScores) null))))
                .isEmpty();
        assertThat(Selection.HARMONIC_MEAN.of(scores(0.5, 0.25))).isCloseTo(1 / 3.0, within(1e-12));
        assertThat(Selection.HARMONIC_MEAN.of(scores(0, 0))).isZero();
    }

    @Test
    void sensitivityIsTheSpreadOverAnOptionsValues() {
        Tuned t = Tuned.of(
                "x",
                List.of(
                        tried(Map.of("rate", "1", "c", "a"), 0.2),
                        tried(Map.of("rate", "1", "c", "b"), 0.4),
                        tried(Map.of("rate", "2", "c", "a"), 0.9)),
                Selection.AVERAGE);
        assertThat(t.sensitivity().get("rate")).isCloseTo(0.6, within(1e-12));
        assertThat(t.sensitivity().get("c")).isCloseTo(0.15, within(1e-12));
        assertThat(t.setting()).containsEntry("rate", "2");
        Tuned none = Tuned.of(
                "y", List.of(new Tuned.Tried(Map.of(), 1, List.of(Outcome.failed("the loss is NaN")))), Selection.LAST);
        assertThat(none.failed()).isEqualTo(1);
        assertThatThrownBy(none::setting).hasMessageContaining("'y'").hasMessageContaining("the loss is NaN");
    }

    @Test
    void scoresNeedEveryTask() {
        assertThatThrownBy(() -> SessionScores.of(new double[][] {{1}, {1, Double.NaN}}, 3, 4))
                .hasMessageContaining("session 1");
        assertThatThrownBy(() -> SessionScores.of(new double[][] {{1}}, 3, 4)).hasMessageContaining("2 counts");
        assertThat(SessionScores.of(new double[][] {{1}}, 3).forgetting()).isNaN();
        assertThatThrownBy(() -> Steps.evenly(2, 3)).hasMessageContaining("3 in 2");
    }

    private static Tuned.Tried tried(Map<String, String> setting, double average) {
        return new Tuned.Tried(setting, 1, List.of(new Outcome(scores(average, average), "", 0, 0, 0, 0)));
    }

    private static SessionScores scores(double average, double last) {
        return new SessionScores(List.of(), average, last, 0);
    }
}
