package dev.holdfast.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.ClassSubset;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.analytic.GAcil;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.registry.ScenarioPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NativeMemory.class)
class TwoPhaseTest {
    private static final TwoPhase.Config SMALL = TwoPhase.Config.defaults().withRuns(3, 2, 2);

    private final Dataset train = Clouds.of(8, 12, 3, 1, "train");
    private final Dataset test = Clouds.of(8, 6, 3, 1, "test");

    private Bed<?> bed(int... classes) {
        return bed(ClassSubset.of(train, ids(classes)), ClassSubset.of(test, ids(classes)));
    }

    private static Bed<?> bed(Dataset train, Dataset test) {
        return laid(Registry.load().scenario("class-incremental"), train, test);
    }

    private static <S extends Record> Bed<S> laid(ScenarioPlugin<S> p, Dataset train, Dataset test) {
        return new Bed<>(
                p,
                ConfigBinder.set(p.defaults(), Map.of("increment", "2", "epochs", "1", "batchSize", "8")),
                train,
                test);
    }

    private static Set<Integer> ids(int... classes) {
        return Set.copyOf(Arrays.stream(classes).boxed().toList());
    }

    private static List<Candidate<?>> two() {
        return List.of(
                new Candidate<>(
                        "finetune",
                        new Finetune.Plugin(),
                        new Finetune.Plugin().defaults(),
                        new SearchSpace(List.of(SearchAxis.parse("net.optimizer.rate", "1e-3..1e-1:log")))),
                new Candidate<>(
                        "gacil",
                        new GAcil.Plugin(),
                        ConfigBinder.set(new GAcil.Plugin().defaults(), Map.of("buffer", "20")),
                        new SearchSpace(List.of(SearchAxis.parse("scenario.batchSize", "4,8")))));
    }

    private static TwoPhase protocol(TwoPhase.Config c, Journal journal, List<Candidate<?>> candidates) {
        return new TwoPhase(c, candidates, journal, () -> false, (learner, trial, seed) -> {});
    }

    @Test
    void overestimatesNeverLessThanNothing() {
        TwoPhaseReport r =
                protocol(SMALL, Journal.inMemory(), two()).run(bed(0, 1, 2, 3), () -> bed(4, 5, 6, 7), false, true);
        assertThat(r.lines()).hasSize(2);
        for (TwoPhaseReport.Line l : r.lines()) {
            assertThat(l.overestimation()).isGreaterThanOrEqualTo(0);
            assertThat(l.tuned().trials()).hasSize(3);
            assertThat(l.twoPhase().average().std()).isNotNaN();
        }
        assertThat(r.rankConventional()).hasSize(2);

        // one setting: nothing to choose, nothing to overestimate
        TwoPhaseReport one = protocol(SMALL.withRuns(1, 1, 1), Journal.inMemory(), two())
                .run(bed(0, 1, 2, 3), () -> bed(4, 5, 6, 7), false, true);
        assertThat(one.overestimations()).containsOnly(0.0);
    }

    @Test
    void bothProtocolsAgreeOnTheSameData() {
        TwoPhaseReport r =
                protocol(SMALL, Journal.inMemory(), two()).run(bed(0, 1, 2, 3), () -> bed(0, 1, 2, 3), true, true);
        for (TwoPhaseReport.Line l : r.lines()) {
            assertThat(l.twoPhase()).isEqualTo(l.conventional());
            assertThat(l.overestimation()).isZero();
        }
        assertThat(r.rankTwoPhase()).isEqualTo(r.rankConventional());
    }

    @Test
    void aPartOfAProtocolGivesTheSameNumbers() {
        List<Tuned> both = protocol(SMALL, Journal.inMemory(), two()).tune(bed(0, 1, 2, 3));
        List<Tuned> alone =
                protocol(SMALL, Journal.inMemory(), two().subList(1, 2)).tune(bed(0, 1, 2, 3));
        assertThat(scores(alone.get(0))).isEqualTo(scores(both.get(1)));
        // more trials: the first ones stay
        List<Tuned> more =
                protocol(SMALL.withRuns(4, 2, 2), Journal.inMemory(), two()).tune(bed(0, 1, 2, 3));
        assertThat(scores(more.get(0)).subList(0, 3)).isEqualTo(scores(both.get(0)));
    }

    private static List<Object> scores(Tuned t) {
        List<Object> all = new ArrayList<>();
        t.trials().forEach(x -> all.add(List.of(x.setting(), x.scores())));
        return all;
    }

    @Test
    void pairedDrawsGiveCommonLeadingAxesTheSameValues() {
        TwoPhase.Config paired = new TwoPhase.Config(4, 1, 1, Selection.LAST, TwoPhase.Method.RANDOM, 3, true, 0, 1);
        SearchSpace rate = new SearchSpace(List.of(SearchAxis.parse("net.optimizer.rate", "1e-3..1e-1:log")));
        Finetune.Plugin p = new Finetune.Plugin();
        List<Candidate<?>> twins =
                List.of(new Candidate<>("a", p, p.defaults(), rate), new Candidate<>("b", p, p.defaults(), rate));
        List<Tuned> t = protocol(paired, Journal.inMemory(), twins).tune(bed(0, 1, 2, 3));
        assertThat(scores(t.get(0))).isEqualTo(scores(t.get(1)));
        TwoPhase.Config own = new TwoPhase.Config(4, 1, 1, Selection.LAST, TwoPhase.Method.RANDOM, 3, false, 0, 1);
        t = protocol(own, Journal.inMemory(), twins).tune(bed(0, 1, 2, 3));
        assertThat(scores(t.get(0))).isNotEqualTo(scores(t.get(1)));
    }

    @Test
    void halvingGivesTheBestAllRows() {
        TwoPhase.Config c = SMALL.withRuns(9, 1, 1).withMethod(TwoPhase.Method.HALVING);
        Tuned t = protocol(c, Journal.inMemory(), two()).tune(bed(0, 1, 2, 3)).get(0);
        assertThat(t.trials()).hasSize(9);
        assertThat(t.trials().stream().filter(x -> x.share() == 1)).hasSize(1);
        assertThat(t.trials().stream().filter(x -> x.share() == 1 / 3.0)).hasSize(2);
        assertThat(t.trials().stream().filter(x -> x.share() < 0.2)).hasSize(6);
        assertThat(t.trials().get(t.selected().orElseThrow()).share()).isEqualTo(1);
    }

    @Test
    void goesOnWhereItStood(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("sub/tuning.jsonl");
        List<Tuned> whole = protocol(SMALL, Journal.inMemory(), two()).tune(bed(0, 1, 2, 3));

        int[] left = {40};
        TwoPhase cut = new TwoPhase(SMALL, two(), Journal.at(file), () -> left[0]-- < 0, (l, t, s) -> {});
        assertThatThrownBy(() -> cut.tune(bed(0, 1, 2, 3))).isInstanceOf(TwoPhase.Cancelled.class);
        int before = Journal.at(file).size();
        assertThat(before).isPositive().isLessThan(12);

        // killed in the middle of a line
        Files.writeString(file, Files.readString(file) + "{\"learner\":\"fine");
        List<String> ran = new ArrayList<>();
        Journal again = Journal.at(file);
        List<Tuned> resumed =
                new TwoPhase(SMALL, two(), again, () -> false, (l, t, s) -> ran.add(l + t + s)).tune(bed(0, 1, 2, 3));
        for (int a = 0; a < 2; a++) {
            assertThat(scores(resumed.get(a))).isEqualTo(scores(whole.get(a)));
        }
        assertThat(Journal.at(file).size()).isEqualTo(again.size());
        assertThat(Files.readAllLines(file)).hasSize(again.size());

        Files.writeString(file, "no json\n");
        assertThatThrownBy(() -> Journal.at(file))
                .hasMessageContaining("Line 1")
                .hasMessageContaining("Maybe");
    }

    @Test
    void timeEndsTheSearchForAllAtOnce() {
        TwoPhase.Config c = new TwoPhase.Config(9, 1, 1, Selection.AVERAGE, TwoPhase.Method.RANDOM, 3, false, 1e-9, 1);
        List<Tuned> t = protocol(c, Journal.inMemory(), two()).tune(bed(0, 1, 2, 3));
        assertThat(t).allSatisfy(x -> assertThat(x.trials()).hasSize(1));
    }

    @Test
    void failedSettingsAreCountedNotChosen() {
        SearchSpace wild = new SearchSpace(List.of(SearchAxis.parse("net.optimizer.rate", "1e-2,1e30")));
        Finetune.Plugin p = new Finetune.Plugin();
        TwoPhase.Config c = SMALL.withRuns(6, 1, 1);
        Tuned t = protocol(c, Journal.inMemory(), List.of(new Candidate<>("a", p, p.defaults(), wild)))
                .tune(bed(0, 1, 2, 3))
                .get(0);
        assertThat(t.failed()).isPositive().isLessThan(6);
        assertThat(t.setting()).containsEntry("net.optimizer.rate", "1e-2");

        SearchSpace hopeless = new SearchSpace(List.of(SearchAxis.parse("net.optimizer.rate", "1e30")));
        TwoPhaseReport r = protocol(
                        SMALL.withRuns(1, 1, 1),
                        Journal.inMemory(),
                        List.of(new Candidate<>("a", p, p.defaults(), hopeless), two().get(1)))
                .run(bed(0, 1, 2, 3), () -> bed(4, 5, 6, 7), false, false);
        assertThat(r.lines().get(0).twoPhase()).isNull();
        assertThat(r.rankTwoPhase()).containsExactly(2, 1);
        assertThat(r.rankConventional()).isEmpty();
    }

    /** Phase 1 must not touch what it will be scored on: rows that throw when they are read. */
    @Test
    void tuningNeverReadsTheSecondDataSet() {
        Poisoned poison = new Poisoned(ClassSubset.of(train, ids(4, 5, 6, 7)));
        List<String> asked = new ArrayList<>();
        TwoPhase p = new TwoPhase(SMALL, two(), Journal.inMemory(), () -> false, (l, t, s) -> asked.add(l));
        assertThatThrownBy(() -> p.run(
                        bed(0, 1, 2, 3),
                        () -> {
                            assertThat(asked).as("runs of phase 1").hasSize(12);
                            return bed(poison, ClassSubset.of(test, ids(4, 5, 6, 7)));
                        },
                        true,
                        false))
                .hasMessageContaining("poison");
        assertThat(asked).hasSize(12);
    }

    private record Poisoned(Dataset data) implements Dataset {
        @Override
        public Schema schema() {
            return data.schema();
        }

        @Override
        public long size() {
            return data.size();
        }

        @Override
        public Batch rows(int... positions) {
            throw new IllegalStateException("poison");
        }

        @Override
        public Target target() {
            throw new IllegalStateException("poison");
        }

        @Override
        public long id(int position) {
            return data.id(position);
        }

        @Override
        public Dataset subset(int... positions) {
            return this;
        }

        @Override
        public String fingerprint() {
            return "poison";
        }

        @Override
        public Loader batches(Pace pace, Rng rng) {
            throw new IllegalStateException("poison");
        }
    }

    @Test
    void sharedClassesAndRowsAreRefused() {
        assertThatThrownBy(() -> TwoPhase.requireApart(bed(0, 1, 2, 3), bed(3, 4, 5, 6), false))
                .hasMessageContaining("share 1 classes: ")
                .hasMessageContaining("Maybe allow the overlap");
        TwoPhase.requireApart(bed(0, 1, 2, 3), bed(3, 4, 5, 6), true);

        // the same rows, called something else
        ClassIndex other = ClassIndex.named(List.of("w", "x", "y", "z"));
        MemoryDataset renamed = Clouds.of(4, 12, 3, 1, "train");
        MemoryDataset tested = Clouds.of(4, 6, 3, 2, "test");
        Dataset same = Clouds.of(4, 12, 3, 1, "train");
        Bed<?> copy = bed(
                renamed.withSchema(renamed.schema().withClasses(other)),
                tested.withSchema(tested.schema().withClasses(other)));
        assertThatThrownBy(() -> TwoPhase.requireApart(bed(same, Clouds.of(4, 6, 3, 3, "test")), copy, false))
                .hasMessageContaining("Row 0 of the data to score on");
    }

    @Test
    void streamsOfDifferentLengthAreRefused() {
        assertThatThrownBy(() -> TwoPhase.requireApart(bed(0, 1, 2, 3), bed(4, 5, 6, 7, 0, 1), true))
                .hasMessageContaining("in 2 parts")
                .hasMessageContaining("in 3");
    }

    /** A learner of pure noise: the best of R on the rows to be scored on lies above by the expected maximum of R draws. */
    @Test
    void noiseIsOverestimatedByItsExpectedMaximum() {
        int trials = 8;
        double sum = 0;
        double squares = 0;
        int repeats = 30;
        List<Double> single = new ArrayList<>();
        for (int i = 0; i < repeats; i++) {
            TwoPhase.Config c =
                    new TwoPhase.Config(trials, 1, 1, Selection.AVERAGE, TwoPhase.Method.RANDOM, 3, false, 0, 1);
            SearchSpace space = new SearchSpace(List.of(new SearchAxis.Range("salt", 0, 1, false)));
            Noise.Plugin p = new Noise.Plugin();
            TwoPhaseReport r = protocol(
                            c, Journal.inMemory(), List.of(new Candidate<>("noise", p, new Noise.Options(0, i), space)))
                    .run(bed(0, 1, 2, 3), () -> bed(4, 5, 6, 7), false, true);
            double over = r.lines().get(0).overestimation();
            sum += over;
            squares += over * over;
            single.add(r.lines().get(0).twoPhase().selection());
        }
        double mean = sum / repeats;
        double sd = Math.sqrt(squares / repeats - mean * mean) / Math.sqrt(repeats);
        double one = single.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        double noise = Math.sqrt(
                single.stream().mapToDouble(x -> (x - one) * (x - one)).sum() / (repeats - 1));
        // E max of 8 standard normals = 1.4236
        assertThat(mean).isCloseTo(1.4236 * noise, within(2 * sd + 1.4236 * 2 * noise / Math.sqrt(2.0 * repeats)));
        assertThat(mean).isGreaterThan(0.5 * noise);
    }

    /** Guesses by a stream of its own. */
    private static final class Noise implements Learner {
        record Options(double salt, int repeat) {}

        private final Schema schema;
        private final Rng rng;

        Noise(Options o, Schema schema) {
            this.schema = schema;
            this.rng = Rng.of(Double.doubleToLongBits(o.salt))
                    .child("noise", o.repeat, schema.classes().columns().get(0).classId());
        }

        @Override
        public Capabilities capabilities() {
            return Capabilities.of(Capabilities.Trait.BOUNDED_MEMORY);
        }

        @Override
        public StepReport learn(Batch b) {
            return new StepReport(0, b.size());
        }

        @Override
        public Prediction predict(Inputs x) {
            Tensor scores = rng.uniform(x.size(), schema.classes().size());
            return new Prediction(scores, schema.classes(), Prediction.Kind.LOGITS);
        }

        @Override
        public Footprint footprint() {
            return new Footprint(0, 0, "noise");
        }

        @Override
        public State state() {
            return new State();
        }

        @Override
        public void load(State saved) {}

        static final class Plugin implements LearnerPlugin<Options> {
            @Override
            public String name() {
                return "noise";
            }

            @Override
            public String summary() {
                return "guesses";
            }

            @Override
            public Options defaults() {
                return new Options(0, 0);
            }

            @Override
            public Noise create(Options o, Schema schema, Rng rng) {
                return new Noise(o, schema);
            }
        }
    }
}
