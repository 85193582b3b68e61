package dev.holdfast.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.metric.ClassAgreement;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.ListedScenario;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.Stream;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class PrequentialTest {
    private static final double TIGHT = 1e-12;

    /** Says what stands in the first entries of a row, and writes down what it is taught. */
    private static final class Parrot implements Learner {
        final List<String> calls = new ArrayList<>();
        private final Schema schema;
        private final Trait[] traits;

        Parrot(Schema schema, Trait... traits) {
            this.schema = schema;
            this.traits = traits;
        }

        @Override
        public Capabilities capabilities() {
            return Capabilities.of(traits);
        }

        @Override
        public StepReport learn(Batch b) {
            calls.add("learn " + b.target().getClass().getSimpleName() + " "
                    + b.rows().ids()[0]);
            return new StepReport(Double.NaN, b.size());
        }

        @Override
        public Prediction predict(Inputs x) {
            if (calls.isEmpty()) {
                throw new IllegalStateException("nothing yet");
            }
            calls.add("predict " + x.size());
            return new Prediction(
                    Tensors.copy(x.x()),
                    schema.classes(),
                    schema.target() == Target.MultiLabel.class
                            ? Prediction.Kind.PROBABILITIES
                            : Prediction.Kind.SCORES);
        }

        @Override
        public Footprint footprint() {
            return new Footprint(0, 0, "nothing");
        }

        @Override
        public State state() {
            return new State().put("calls", calls.size());
        }

        @Override
        public void load(State saved) {
            calls.clear();
            IntStream.range(0, (int) saved.integer("calls")).forEach(i -> calls.add("before"));
        }
    }

    /** Rows whose inputs say class {@code said[i]} while their class is {@code truth[i]}. */
    private static MemoryDataset classes(int n, int[] truth, int[] said) {
        try (Scope s = Scope.open()) {
            double[][] x = new double[truth.length][n];
            long[] y = new long[truth.length];
            for (int i = 0; i < y.length; i++) {
                x[i][said[i]] = 1;
                y[i] = truth[i];
            }
            return MemoryDataset.of(Schema.vectors(n, ClassIndex.numbered(n)), Inputs.of(x), Target.ClassIds.of(y));
        }
    }

    private static double metric(List<Term> metrics, String name) {
        return metrics.stream()
                .filter(t -> t.name().equals(name))
                .findFirst()
                .orElseThrow()
                .value();
    }

    @Test
    void everyRowIsPredictedBeforeItIsLearntAndInItsOrder() {
        MemoryDataset rows = classes(2, new int[] {0, 1, 1, 0, 1}, new int[] {0, 1, 0, 0, 1});
        Parrot p = new Parrot(rows.schema());
        new Run(p, Stream.of(rows, 2), List.of(), new MetricLog(), Rng.of(1)).finish();
        assertThat(p.calls)
                .containsExactly("learn ClassIds 0", "predict 2", "learn ClassIds 2", "predict 1", "learn ClassIds 4");
    }

    @Test
    void classesAreScoredByHand() {
        // the first two rows come before anything was learnt, so nothing is said of them
        int[] truth = {0, 0, 1, 1, 2, 2, 2, 0};
        int[] said = {0, 0, 1, 0, 2, 2, 1, 0};
        MemoryDataset rows = classes(3, truth, said);
        Run run = new Run(
                new Parrot(rows.schema()),
                Stream.of(rows, 2),
                List.of(),
                new MetricLog(),
                Rng.of(1),
                new Prequential.Config(4, 0.002));
        run.finish();
        Prequential score = run.prequential().orElseThrow();
        double p = 4 / 8.0;
        // true 3, 2, 3; said 2, 2, 2 and nothing twice
        double e = (3 * 2 + 2 * 2 + 3 * 2) / 64.0;
        double q = 4 / 8.0;
        assertThat(score.rows()).isEqualTo(8);
        assertThat(score.headline()).isEqualTo(new Term("accuracy", p));
        assertThat(metric(score.metrics(), "kappa")).isCloseTo((p - e) / (1 - e), within(TIGHT));
        assertThat(score.noChange().value()).isEqualTo(q);
        assertThat(metric(score.metrics(), "temporal kappa")).isCloseTo((p - q) / (1 - q), within(TIGHT));
        List<MetricLog.Entry> curve = run.log().of(Prequential.BLOCK);
        assertThat(curve).extracting(MetricLog.Entry::samples).containsExactly(4L, 8L);
        assertThat(curve).extracting(MetricLog.Entry::value).containsExactly(0.25, 0.75);
        assertThat(run.log().of(Prequential.NO_CHANGE))
                .extracting(MetricLog.Entry::value)
                .containsExactly(0.5, 0.5);
    }

    @Test
    void labelSetsAreScoredByHand() {
        try (Scope s = Scope.open()) {
            Tensor y = Tensors.of(new double[][] {{1, 0, 0}, {1, 1, 0}, {0, 0, 1}, {0, 0, 0}});
            Inputs x = Inputs.of(new double[][] {{1, 0, 0}, {0.9, 0.2, 0.6}, {0, 0.5, 0.51}, {0, 0, 0}});
            Schema schema = Schema.of(
                    Schema.vectors(3, ClassIndex.numbered(3)).inputs().get(0),
                    Target.MultiLabel.class,
                    ClassIndex.numbered(3));
            MemoryDataset rows = MemoryDataset.of(schema, x, new Target.MultiLabel(y, null));
            Run run = new Run(new Parrot(schema), Stream.of(rows, 1), List.of(), new MetricLog(), Rng.of(1)).finish();
            Prequential score = run.prequential().orElseThrow();
            // said {}, {0, 2}, {2}, {}: hits 2, false alarms 1, misses 2
            assertThat(score.headline()).isEqualTo(new Term("micro-F1", 4 / 7.0));
            assertThat(metric(score.metrics(), "Hamming loss")).isCloseTo(3 / 12.0, within(TIGHT));
            assertThat(metric(score.metrics(), "subset accuracy")).isEqualTo(0.5);
            // repeated {}, {0}, {0, 1}, {2}: hits 1, false alarms 3, misses 3
            assertThat(score.noChange().value()).isCloseTo(2 / 8.0, within(TIGHT));
        }
    }

    @Test
    void aRiseOfTheErrorIsNotedWhereItHappensAndAFallIsNot() {
        int n = 3000;
        int[] truth = new int[n];
        int[] said = new int[n];
        for (int i = 0; i < n; i++) {
            truth[i] = i % 2;
            // wrong, then right, then wrong
            said[i] = i < 1000 || i >= 2000 ? 1 - truth[i] : truth[i];
        }
        MemoryDataset rows = classes(2, truth, said);
        Run run = new Run(new Parrot(rows.schema()), Stream.of(rows, 10), List.of(), new MetricLog(), Rng.of(1));
        run.finish();
        List<MetricLog.Entry> drifts = run.log().of(Prequential.DRIFT);
        assertThat(drifts).isNotEmpty().allSatisfy(d -> assertThat(d.samples()).isBetween(2000L, 2300L));
        assertThat(run.prequential().orElseThrow().drifts()).isEqualTo(drifts.size());
    }

    @Test
    void aStreamCutAnywhereAndResumedGivesTheSameScores() {
        MemoryDataset rows = Clouds.of(3, 8, 3, 1, "stream");
        Scenario s = Stream.of(rows, 5);
        Run whole = streamed(s);
        List<State> saved = new ArrayList<>();
        do {
            saved.add(whole.state().copy());
        } while (whole.advance());
        assertThat(saved).hasSize(7);
        for (State at : saved) {
            Run resumed = streamed(s);
            resumed.load(at);
            resumed.finish();
            assertThat(resumed.log().entries()).isEqualTo(whole.log().entries());
            assertThat(resumed.prequential().orElseThrow().metrics())
                    .isEqualTo(whole.prequential().orElseThrow().metrics());
            at.tensors().values().forEach(Tensor::close);
        }
    }

    private static Run streamed(Scenario s) {
        return new Run(
                new Toys.Plain(s.schema(), Rng.of(1), -1),
                s,
                List.of(),
                new MetricLog(),
                Rng.of(3),
                new Prequential.Config(7, 0.002));
    }

    private static Scenario adapting(MemoryDataset rows) {
        return new ListedScenario(
                "adapting",
                rows.schema(),
                List.of(
                        new Experience(0, 0, rows, rows.schema().classes(), true, Pace.inOrder(2)),
                        new Experience(
                                1,
                                1,
                                rows,
                                rows.schema().classes(),
                                false,
                                Pace.inOrder(2),
                                Experience.Protocol.TEST_THEN_ADAPT)),
                List.of(),
                false);
    }

    @Test
    void labelsOfRowsToAdaptToAreScoredAndNeverShown() {
        MemoryDataset rows = classes(2, new int[] {0, 1, 1, 0}, new int[] {0, 1, 1, 1});
        Parrot adapts = new Parrot(rows.schema(), Trait.UNLABELLED);
        Run run = new Run(adapts, adapting(rows), List.of(), new MetricLog(), Rng.of(1)).finish();
        assertThat(adapts.calls)
                .containsExactly(
                        "learn ClassIds 0",
                        "learn ClassIds 2",
                        "predict 2",
                        "learn None 0",
                        "predict 2",
                        "learn None 2");
        assertThat(run.prequential().orElseThrow().headline().value()).isEqualTo(0.75);

        Parrot frozen = new Parrot(rows.schema());
        new Run(frozen, adapting(rows), List.of(), new MetricLog(), Rng.of(1)).finish();
        assertThat(frozen.calls).containsExactly("learn ClassIds 0", "learn ClassIds 2", "predict 2", "predict 2");
    }

    @Test
    void announcedRowsToAdaptToCannotBeReadWithTheirLabels() {
        MemoryDataset rows = classes(2, new int[] {0, 1}, new int[] {0, 1});
        List<Boolean> readable = new ArrayList<>();
        Learner nosy = new Toys.Plain(rows.schema(), Rng.of(1), -1, Trait.UNLABELLED) {
            @Override
            public void begin(Experience e) {
                readable.add(e.train().rereadable());
            }

            @Override
            public StepReport learn(Batch b) {
                return new StepReport(Double.NaN, b.size());
            }
        };
        Scenario s = new ListedScenario(
                "announced",
                rows.schema(),
                List.of(new Experience(
                        0,
                        0,
                        rows,
                        rows.schema().classes(),
                        true,
                        Pace.inOrder(2),
                        Experience.Protocol.TEST_THEN_ADAPT)),
                List.of(),
                false);
        new Run(nosy, s, List.of(), new MetricLog(), Rng.of(1)).finish();
        assertThat(readable).containsExactly(false);
    }

    @Test
    void aLearnerThatHasPredictedMayNotFallSilent() {
        MemoryDataset rows = classes(2, new int[] {0, 1, 1, 0}, new int[] {0, 1, 1, 0});
        Parrot p = new Parrot(rows.schema());
        Run run = new Run(p, Stream.of(rows, 1), List.of(), new MetricLog(), Rng.of(1));
        run.advance();
        run.advance();
        p.calls.clear();
        assertThatThrownBy(run::advance)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("nothing yet");
    }

    @Test
    void aStreamRefusesWhatItCannotBe() {
        MemoryDataset rows = Clouds.of(3, 8, 3, 1, "stream");
        Scenario s = Stream.of(rows, 5);
        assertThat(s.tests()).isEmpty();
        assertThat(s.table()).contains("stream of 5 rows", "24", "one pass");
        assertThat(Compatibility.obstacles(Capabilities.of(Trait.REREADS, Trait.NEEDS_BOUNDARIES), s))
                .hasSize(2);
        assertThatThrownBy(() -> Joint.of(s)).hasMessageContaining("tested in their order");
        assertThatThrownBy(() -> new ListedScenario(
                        "blind",
                        rows.schema(),
                        List.of(new Experience(0, 0, rows, rows.schema().classes(), true, Pace.inOrder(2))),
                        List.of(),
                        false))
                .hasMessageContaining("scores nothing");
        assertThatThrownBy(() -> new Prequential.Config(0, 0.1)).hasMessageContaining("block");
        assertThatThrownBy(() -> new Prequential.Config(1, 1)).hasMessageContaining("delta");
        assertThatThrownBy(() -> new Prequential(
                        Schema.of(
                                rows.schema().inputs().get(0),
                                Target.Values.class,
                                rows.schema().classes()),
                        Prequential.Config.defaults()))
                .hasMessageContaining("Values");
    }

    @Test
    void unfitTargetsAreNamed() {
        MemoryDataset rows = classes(2, new int[] {0}, new int[] {0});
        Prequential score = new Prequential(rows.schema(), Prequential.Config.defaults());
        try (Scope s = Scope.open()) {
            Batch strange = new Batch(Inputs.of(new double[][] {{0, 1}}), Target.ClassIds.of(7), Rows.of(41));
            assertThatThrownBy(() -> score.test(new Parrot(rows.schema()), strange))
                    .hasMessageContaining("id 41")
                    .hasMessageContaining("class 7");
            assertThat(score.rows()).isZero();
        }
    }

    @Test
    void savedCountsAreReadBackOrRefused() {
        ClassAgreement a = new ClassAgreement(2);
        a.add(0, 0, -1);
        a.add(1, 0, 0);
        ClassAgreement b = ClassAgreement.restore(a.save());
        assertThat(b.save()).isEqualTo(a.save());
        assertThat(b.accuracy()).isEqualTo(0.5);
        assertThatThrownBy(() -> ClassAgreement.restore(new double[2])).hasMessageContaining("damaged");
        assertThatThrownBy(() -> new ClassAgreement(0)).hasMessageContaining("at least one");
    }

    @Test
    void rowsOfNoClassAreShownButNotCounted() {
        MemoryDataset rows = classes(3, new int[] {0, -1, 1, -1, 2}, new int[] {0, 1, 2, 0, 2});
        Parrot parrot = new Parrot(rows.schema());
        parrot.calls.add("began");
        Prequential p = new Prequential(rows.schema(), Prequential.Config.defaults());
        try (Scope s = Scope.open()) {
            p.test(parrot, rows.rows(0, 1, 2, 3, 4));
            assertThat(parrot.calls).contains("predict 5");
            assertThat(p.rows()).isEqualTo(3);
            assertThat(p.headline().value()).isEqualTo(2 / 3.0);
            assertThatThrownBy(() -> p.test(
                            parrot, classes(3, new int[] {-2}, new int[] {0}).rows(0)))
                    .hasMessageContaining("class -2");
        }
    }
}
