package dev.holdfast.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.ListedScenario;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class RunTest {
    private final MemoryDataset train = Clouds.of(4, 6, 3, 1, "train");
    private final MemoryDataset test = Clouds.of(4, 3, 3, 1, "test");

    private Scenario scenario(Dealing dealing) {
        return ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.SEEDED, false, dealing),
                train,
                test,
                Rng.of(2));
    }

    private Toys.Plain learner(Trait... traits) {
        return new Toys.Plain(train.schema(), Rng.of(1), -1, traits);
    }

    private static Run run(Toys.Plain l, Scenario s) {
        return new Run(
                l,
                s,
                List.of(new TaskEvaluator(s), new UpdateEvaluator(s, 2, 4, Rng.of(4))),
                new MetricLog(),
                Rng.of(3));
    }

    @Test
    void aRunCutAnywhereAndResumedGivesTheSameBitsAndTheSameLog() {
        Scenario s = scenario(Dealing.offline(2, 5));
        Run whole = run(learner(), s);
        List<State> saved = new java.util.ArrayList<>();
        do {
            saved.add(whole.state().copy());
        } while (whole.advance());
        // 2 parts x (2 x 3 batches + end)
        assertThat(saved).hasSize(15);
        for (State at : saved) {
            Run resumed = run(learner(), s);
            resumed.load(at);
            resumed.finish();
            assertThat(resumed.learner().state().sameAs(whole.learner().state()))
                    .isTrue();
            assertThat(resumed.log().entries()).isEqualTo(whole.log().entries());
            assertThat(resumed.steps()).isEqualTo(whole.steps()).isEqualTo(12);
            assertThat(resumed.samples()).isEqualTo(whole.samples()).isEqualTo(48);
            assertThat(resumed.meanLoss()).isEqualTo(whole.meanLoss());
            assertThat(resumed.advance()).isFalse();
            at.tensors().values().forEach(Tensor::close);
        }
    }

    @Test
    void probesDoNotDisturbTheLearner() {
        Scenario s = scenario(Dealing.offline(2, 5));
        Run watched = run(learner(), s).finish();
        Run alone = new Run(learner(), s, List.of(), new MetricLog(), Rng.of(3)).finish();
        assertThat(watched.learner().state().sameAs(alone.learner().state())).isTrue();
        assertThat(watched.log().of(UpdateEvaluator.CURVE)).isNotEmpty();
        assertThat(watched.log().square(TaskEvaluator.ACCURACY)).hasDimensions(2, 2);
    }

    @Test
    void announcedBoundariesAreToldWithTheTask() {
        Toys.Plain l = learner();
        run(l, scenario(Dealing.offline(1, 6))).finish();
        assertThat(l.calls)
                .containsExactly(
                        "begin 0",
                        "learn 6 of task 0",
                        "learn 6 of task 0",
                        "end 0",
                        "begin 1",
                        "learn 6 of task 1",
                        "learn 6 of task 1",
                        "end 1");
    }

    @Test
    void hiddenBoundariesAreNotTold() {
        Toys.Plain l = learner();
        run(l, scenario(new Dealing(1, 6, false, false))).finish();
        assertThat(l.calls).hasSize(4).containsOnly("learn 6 of task -1");
    }

    @Test
    void nobodyButTheRunDealsRowsThatPassOnce() {
        assertThatCode(() -> run(learner(Trait.REREADS), scenario(Dealing.offline(1, 6)))
                        .finish())
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> run(learner(Trait.REREADS), scenario(new Dealing(1, 6, true, true)))
                        .finish())
                .hasMessageContaining("pass by once")
                .hasMessageContaining("REREADS");
    }

    /** Loaders may hold files open, and their position may be anything. */
    @Test
    void loadersAreClosedAndTheirPositionIsTheirOwn() {
        AtomicInteger open = new AtomicInteger();
        record Filed(MemoryDataset data, AtomicInteger open) implements DataSource {
            @Override
            public Schema schema() {
                return data.schema();
            }

            @Override
            public long size() {
                return data.size();
            }

            @Override
            public boolean rereadable() {
                return false;
            }

            @Override
            public Loader batches(Pace pace, Rng rng) {
                open.incrementAndGet();
                Loader inner = data.batches(pace, rng);
                return new Loader() {
                    @Override
                    public boolean hasNext() {
                        return inner.hasNext();
                    }

                    @Override
                    public dev.holdfast.data.Batch next() {
                        return inner.next();
                    }

                    @Override
                    public State state() {
                        return new State().put("file", inner.state());
                    }

                    @Override
                    public void load(State saved) {
                        inner.load(saved.child("file"));
                    }

                    @Override
                    public void close() {
                        open.decrementAndGet();
                    }
                };
            }
        }
        ClassIndex all = train.schema().classes();
        Scenario s = new ListedScenario(
                "filed",
                train.schema(),
                List.of(new Experience(0, 0, new Filed(train, open), all, true, Pace.shuffled(1, 5))),
                List.of(new TestSet(0, "all", test, all)),
                false);
        Run whole = run(learner(), s);
        whole.advance();
        whole.advance();
        State cut = whole.state().copy();
        whole.finish();
        assertThat(open).hasValue(0);
        Run resumed = run(learner(), s);
        resumed.advance();
        resumed.load(cut);
        resumed.finish();
        assertThat(open).hasValue(0);
        assertThat(resumed.learner().state().sameAs(whole.learner().state())).isTrue();
    }

    @Test
    void foreignStatesAreRefusedAndChangeNothing() {
        Scenario s = scenario(Dealing.offline(1, 5));
        Run r = run(learner(), s);
        r.advance();
        State before = r.state().copy();
        assertThatThrownBy(() -> r.load(new State())).isInstanceOf(IllegalArgumentException.class);
        State far = new State();
        before.tensors().forEach(far::put);
        before.values().forEach((k, v) -> far.put(k, k.equals("experience") ? "7" : v));
        assertThatThrownBy(() -> r.load(far)).hasMessageContaining("part 8");
        State otherSeed;
        try (Scope scope = Scope.open()) {
            otherSeed = run(new Toys.Plain(train.schema(), Rng.of(77), -1), s).state();
            assertThatThrownBy(() -> r.load(otherSeed)).hasMessageContaining("seed");
        }
        State badLog = new State();
        before.tensors().forEach(badLog::put);
        before.values().forEach((k, v) -> badLog.put(k, k.equals("log.entries") ? "nonsense\n" : v));
        assertThatThrownBy(() -> r.load(badLog)).hasMessageContaining("nonsense");
        State now = r.state();
        // the clock goes on
        assertThat(now.child("learner").sameAs(before.child("learner"))).isTrue();
        assertThat(now.child("loader").sameAs(before.child("loader"))).isTrue();
        assertThat(now.child("log").sameAs(before.child("log"))).isTrue();
        assertThat(now.value("experience")).isEqualTo(before.value("experience"));
    }

    @Test
    void plannedStepsAreThoseTaken() {
        Scenario s = scenario(Dealing.offline(3, 5));
        assertThat(Run.plannedSteps(s)).isEqualTo(run(learner(), s).finish().steps());
    }
}
