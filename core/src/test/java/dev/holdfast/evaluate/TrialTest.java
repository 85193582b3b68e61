package dev.holdfast.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.WithTruth;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Moment;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NativeMemory.class)
class TrialTest {
    private final MemoryDataset train = Clouds.of(6, 8, 3, 1, "train");
    private final MemoryDataset test = Clouds.of(6, 3, 3, 1, "test");

    private Scenario scenario(Dealing dealing, boolean taskIdAtTest) {
        return ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, taskIdAtTest, dealing),
                train,
                test,
                Rng.of(2));
    }

    private Trial.Result run(LearnerPlugin<Toys.Options> p, Toys.Options o, Scenario s) {
        return Trial.run(p, o, s, 1, new Trial.Options(4, 5), () -> false, (done, planned) -> {});
    }

    /** Who learns from clean rows has none of the wrong labels by heart that it is asked about. */
    @Test
    void asksAboutRowsWithWrongLabels() {
        WithTruth<NoiseTruth> spoilt = LabelNoise.symmetricOther(0.5).apply(train, Rng.of(3));
        Mislabelled wrong = Mislabelled.of(spoilt.data(), spoilt.truth(), 1000);
        assertThat(wrong.truth()).hasSize(24);
        assertThat(wrong.rows().classIds()).hasSize(24);
        assertThat(Mislabelled.of(spoilt.data(), spoilt.truth(), 5).truth())
                .containsExactly(Arrays.copyOf(wrong.truth(), 5));
        Trial.Options options = new Trial.Options(4, 5).with(wrong);
        Scenario clean = Joint.of(Dealing.offline(60, 8), train, test);
        Trial.Result r = Trial.run(
                new Toys.Plugin(), new Toys.Options(-1), clean, 1, options, () -> false, (done, planned) -> {});
        assertThat(r.corrected()).isGreaterThan(0.9);
        assertThat(r.memorised()).isLessThan(0.1);
        Scenario other = Joint.of(Dealing.offline(60, 8), wrong.rows(), test);
        Trial.Result byHeart = Trial.run(
                new Toys.Plugin(), new Toys.Options(-1), other, 1, options, () -> false, (done, planned) -> {});
        assertThat(byHeart.memorised()).isGreaterThan(r.memorised() + 0.3);
        assertThat(run(new Toys.Plugin(), new Toys.Options(-1), clean).memorised())
                .isNull();
        assertThatThrownBy(() -> new Mislabelled(test, new long[1])).hasMessageContaining("1 true classes");
    }

    @Test
    void aTrialThatIsDoneHasItsSquareMetricsAndCurve() {
        Scenario s = scenario(Dealing.offline(2, 4), false);
        Trial.Result r = run(new Toys.Plugin(), new Toys.Options(-1), s);
        assertThat(r.status()).isEqualTo(Trial.Status.DONE);
        assertThat(r.message()).isEmpty();
        assertThat(r.square()).hasDimensions(3, 3);
        double last = Arrays.stream(r.square()[2]).mapToDouble(a -> a).average().orElseThrow();
        assertThat(r.averageAccuracy()).isEqualTo(last);
        assertThat(r.steps()).isEqualTo(Run.plannedSteps(s)).isEqualTo(24);
        assertThat(r.samples()).isEqualTo(96);
        assertThat(r.curve()).isNotEmpty();
        assertThat(r.minAccuracy()).isBetween(0.0, 1.0);
        assertThat(r.worstCaseAccuracy()).isBetween(0.0, 1.0);
        assertThat(r.windowedForgetting()).isBetween(0.0, 1.0);
        assertThat(r.evaluateSeconds()).isPositive();
        assertThat(r.parameters()).isPositive();
        assertThat(r.configuration()).isEqualTo("{\"failAt\":-1}");
        Trial.Result again = run(new Toys.Plugin(), new Toys.Options(-1), s);
        assertThat(again.square()).isDeepEqualTo(r.square());
        assertThat(again.curve()).isEqualTo(r.curve());
    }

    @Test
    void aLearnerThatThrowsFailsAlone() {
        Trial.Result r = run(new Toys.Plugin(), new Toys.Options(3), scenario(Dealing.offline(1, 4), false));
        assertThat(r.status()).isEqualTo(Trial.Status.FAILED);
        assertThat(r.message()).contains("batch 3");
        // what was measured until then
        assertThat(r.curve()).extracting(Trial.Point::step).containsExactly(3L);
        Trial.Result later = Trial.run(
                new Toys.Plugin(),
                new Toys.Options(3),
                scenario(Dealing.offline(1, 4), false),
                1,
                new Trial.Options(4, 5, 2),
                () -> false,
                (done, planned) -> {});
        assertThat(later.curve()).extracting(Trial.Point::step).containsExactly(1L, 2L, 3L);
        assertThatThrownBy(() -> new Trial.Options(4, 5, -1)).hasMessageContaining("dense");
        assertThat(r.averageAccuracy()).isNull();
    }

    @Test
    void aStreamThatCannotBeArrangedFailsAlone() {
        LearnerPlugin<Toys.Options> p = new Toys.Plugin(s -> {
            throw new IllegalArgumentException("This stream cannot be laid out anew.");
        });
        Trial.Result r = run(p, new Toys.Options(-1), scenario(Dealing.offline(1, 4), false));
        assertThat(r.status()).isEqualTo(Trial.Status.FAILED);
        assertThat(r.message()).contains("laid out");
    }

    @Test
    void anErrorWithoutWordsIsNamed() {
        LearnerPlugin<Toys.Options> p = new Toys.Plugin(s -> {
            throw new NullPointerException();
        });
        assertThat(run(p, new Toys.Options(-1), scenario(Dealing.offline(1, 4), false))
                        .message())
                .contains("NullPointerException");
    }

    @Test
    void aTrialCanBeCutOff() {
        AtomicInteger steps = new AtomicInteger();
        Trial.Result r = Trial.run(
                new Toys.Plugin(),
                new Toys.Options(-1),
                scenario(Dealing.offline(1, 4), false),
                1,
                Trial.Options.defaults(),
                () -> steps.get() >= 5,
                (done, planned) -> steps.set((int) done));
        assertThat(r.status()).isEqualTo(Trial.Status.CANCELLED);
        assertThat(r.message()).contains("5 steps");
    }

    @ParameterizedTest
    @EnumSource(
            value = Trait.class,
            names = {"NEEDS_BOUNDARIES", "LEARNS_AT_END", "REREADS", "NEEDS_TASK_ID"})
    void anUnfitPairIsRefusedWithTheReason(Trait need) {
        Scenario s = need == Trait.REREADS
                ? scenario(new Dealing(1, 4, true, true), true)
                : scenario(new Dealing(1, 4, false, false), false);
        Trial.Result r = run(new Toys.Plugin(need), new Toys.Options(-1), s);
        assertThat(r.status()).isEqualTo(Trial.Status.REFUSED);
        assertThat(r.message()).contains("but here");
        Capabilities c = Capabilities.of(need);
        List<String> fitting = Compatibility.fitting(List.of(new Toys.Plugin(need), new Fit()), s);
        assertThat(fitting).containsExactly("fit");
        assertThatThrownBy(() -> Compatibility.require("toy", c, s, fitting))
                .hasMessageContaining("'toy'")
                .hasMessageContaining(s.name())
                .hasMessageContaining(r.message())
                .hasMessageContaining("Maybe one of these fits: fit.");
        // and the same learner is welcome where its need is met
        assertThat(Compatibility.obstacles(c, scenario(Dealing.offline(1, 4), true)))
                .isEmpty();
    }

    private record Fit() implements LearnerPlugin<Toys.Options> {
        @Override
        public String name() {
            return "fit";
        }

        @Override
        public String summary() {
            return "needs nothing";
        }

        @Override
        public Toys.Options defaults() {
            return new Toys.Options(-1);
        }

        @Override
        public dev.holdfast.learner.Learner create(Toys.Options c, dev.holdfast.data.Schema schema, Rng rng) {
            return new Toys.Plain(schema, rng, -1);
        }
    }

    /** Joint training has one part: its numbers are those of the last row. */
    @Test
    void aRearrangedStreamFillsTheLastRow() {
        Trial.Result r = run(new Toys.Plugin(Joint::of), new Toys.Options(-1), scenario(Dealing.offline(2, 4), false));
        assertThat(r.status()).isEqualTo(Trial.Status.DONE);
        assertThat(r.square()).hasDimensions(3, 3);
        assertThat(r.square()[0]).containsOnlyNulls();
        assertThat(r.square()[2]).doesNotContainNull();
        assertThat(r.averageAccuracy()).isNotNull();
        assertThat(r.forgetting()).isNull();
        assertThat(r.minAccuracy()).isNull();
        assertThat(r.averageIncrementalAccuracy()).isNull();
    }

    /** With the task told, a task whose classes have no score yet has no accuracy, and forgetting is still defined. */
    @Test
    void tasksWithoutAScoreYetHaveNoAccuracy() {
        Trial.Result r = run(new Toys.Plugin(), new Toys.Options(-1), scenario(Dealing.offline(2, 4), true));
        assertThat(r.square()[0][0]).isNotNull();
        assertThat(r.square()[0][1]).isNull();
        assertThat(r.square()[0][2]).isNull();
        assertThat(r.square()[2]).doesNotContainNull();
        assertThat(r.forgetting()).isNotNull();
        assertThat(r.forgetting()).isEqualTo(r.forgettingClassic());
    }

    @Test
    void evaluatorsAreDueWhenTheySay() {
        Scenario s = scenario(Dealing.offline(1, 4), false);
        UpdateEvaluator e = new UpdateEvaluator(s, 3, 2, Rng.of(1));
        List<Long> due = new ArrayList<>();
        for (long step = 0; step < 10; step++) {
            if (e.due(new Moment(step, 0, 0, false, null))) {
                due.add(step);
            }
        }
        // every third, and the last of each epoch of four
        assertThat(due).containsExactly(3L, 4L, 6L, 8L, 9L);
        assertThat(e.due(new Moment(3, 0, 0, true, null))).isFalse();
        assertThat(new TaskEvaluator(s).due(new Moment(3, 0, 0, false, null))).isFalse();
        assertThat(new TaskEvaluator(s).due(new Moment(3, 0, 0, true, null))).isTrue();
        // only tasks seen so far
        MetricLog log = new MetricLog();
        Toys.Plain l = new Toys.Plain(train.schema(), Rng.of(1), -1);
        l.learn(train.rows(0, 1, 2));
        e.observe(l, new Moment(3, 12, 1, false, null), log);
        assertThat(log.of(UpdateEvaluator.CURVE))
                .extracting(MetricLog.Entry::task)
                .containsExactly(0, 1);
        assertThatThrownBy(() -> new UpdateEvaluator(s, 0, 2, Rng.of(1))).hasMessageContaining("every");
        assertThatThrownBy(() -> new Trial.Options(-1, 2)).hasMessageContaining("-1");
    }
}
