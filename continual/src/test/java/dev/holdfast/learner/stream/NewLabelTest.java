package dev.holdfast.learner.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.ClassIndex.Column;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.synth.LabelBlocks;
import dev.holdfast.learner.stream.Ihomer.Grouping;
import dev.holdfast.learner.stream.Ihomer.WarmStart;
import dev.holdfast.learner.stream.tree.TreeConfig;
import dev.holdfast.run.StepReport.Event;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Labels that come while the stream runs: from row 700 on the last two of nine are told. */
@ExtendWith(NativeMemory.class)
class NewLabelTest {
    private static final int FROM = 700;
    private static final int OLD = 7;
    private static final List<Column> ADDED = List.of(new Column(7, "7"), new Column(8, "8"));

    private final StreamFixture f = StreamFixture.blocks(1600, 0);
    private final Ihomer.Config config = Ihomer.Config.defaults();

    private StreamLearner narrow(Ihomer.Config c) {
        return new Ihomer.Plugin().create(c, StreamFixture.schema(f.x[0].length, OLD), Rng.of(3));
    }

    private Map<String, StreamLearner> family() {
        var schema = StreamFixture.schema(f.x[0].length, OLD);
        Rng r = Rng.of(3);
        TreeConfig tree = TreeConfig.adaptiveTree();
        return Map.of(
                "ihomer", narrow(config),
                "ihomer, one group", narrow(config.with(Grouping.ONE)),
                "ihomer, random groups", narrow(config.with(Grouping.RANDOM)),
                "ihomer, fresh trees", narrow(config.with(WarmStart.RESET)),
                "mlhat", new TreeModel.MlhatPlugin().create(tree, schema, r),
                "mlht", new TreeModel.MlhtPlugin().create(TreeConfig.plainTree(), schema, r),
                "trees", new BinaryRelevance.Plugin().create(new BinaryRelevance.Plugin().defaults(), schema, r),
                "logistic",
                        new BinaryRelevance.Plugin()
                                .create(new BinaryRelevance.Config(BinaryRelevance.Base.LOGISTIC, tree), schema, r),
                "majority", LabelsetBaseline.majority(schema, r),
                "no-change", LabelsetBaseline.noChange(schema, r));
    }

    /** The labels of a row that the learner knows. */
    private int[] set(StreamLearner l, int row) {
        int known = l.labels().size();
        return Arrays.stream(f.y[row]).filter(y -> y < known).toArray();
    }

    private void learn(StreamLearner l, int from, int to) {
        for (int i = from; i < to; i++) {
            l.learnRow(f.x[i], set(l, i));
        }
    }

    private static int[] together(StreamLearner l, int label) {
        return l.partition().stream().filter(g -> g.contains(label)).findFirst().orElseThrow().stream()
                .mapToInt(Integer::intValue)
                .toArray();
    }

    @TestFactory
    List<DynamicTest> predictionsOfTheOthersStayAndResumeIsExactAcrossIt() {
        return family().entrySet().stream()
                .map(e -> DynamicTest.dynamicTest(e.getKey(), () -> staysAndResumes(e.getKey(), e.getValue())))
                .toList();
    }

    private void staysAndResumes(String name, StreamLearner l) {
        learn(l, 0, FROM);
        double[][] before =
                IntStream.range(0, 50).mapToObj(i -> l.predictRow(f.x[i])).toArray(double[][]::new);
        try (Scope s = Scope.open()) {
            State narrow = l.state();
            l.addLabels(ADDED);
            for (int i = 0; i < before.length; i++) {
                double[] p = l.predictRow(f.x[i]);
                assertThat(p).hasSize(9);
                assertThat(Arrays.copyOf(p, OLD)).isEqualTo(before[i]);
                assertThat(Arrays.stream(p, OLD, 9)).allMatch(v -> v >= 0 && v <= 0.5);
            }
            assertThat(l.labels().columns())
                    .endsWith(ADDED.get(0), ADDED.get(1))
                    .hasSize(9);
            Prediction q = l.predict(Inputs.of(Tensors.of(Arrays.copyOf(f.x, 3))));
            assertThat(q.columns()).isEqualTo(l.labels());
            State wide = l.state();
            learn(l, FROM, FROM + 60);
            State waiting = l.state();
            learn(l, FROM + 60, f.x.length);
            State end = l.state();

            // the narrow state, told of the labels; the narrow state in a learner that declares them; the wide ones
            StreamLearner told = family().get(name);
            told.load(narrow);
            told.addLabels(ADDED);
            StreamLearner waited = family().get(name);
            waited.load(waiting);
            assertThat(waited.labels()).isEqualTo(l.labels());
            learn(told, FROM, f.x.length);
            learn(waited, FROM + 60, f.x.length);
            assertThat(told.state().sameAs(end)).isTrue();
            assertThat(waited.state().sameAs(end)).isTrue();
            StreamLearner back = family().get(name);
            back.load(wide);
            back.load(narrow);
            assertThat(back.labels().size()).isEqualTo(OLD);
            assertThat(back.state().sameAs(narrow)).isTrue();
        }
    }

    @Test
    void aLearnerThatDeclaresMoreLabelsTakesANarrowerStateAsIfItWereToldOfThem() {
        StreamLearner l = narrow(config);
        learn(l, 0, FROM);
        try (Scope s = Scope.open()) {
            StreamLearner declares = f.learner(new Ihomer.Plugin(), config);
            declares.load(l.state());
            l.addLabels(ADDED);
            assertThat(declares.state().sameAs(l.state())).isTrue();
            StreamLearner other = new Ihomer.Plugin()
                    .create(
                            config,
                            StreamFixture.schema(f.x[0].length, 1).withClasses(ClassIndex.named(List.of("a", "b"))),
                            Rng.of(3));
            assertThatThrownBy(() -> other.load(l.state())).hasMessageContaining("begins with the shorter");
        }
    }

    @Test
    void aNewLabelIsBinaryForAHundredRowsAndThenInTheGroupItOccursWith() {
        StreamLearner l = narrow(config.with(config.clusters().withDelta(0.1)));
        learn(l, 0, FROM + 50);
        l.addLabels(ADDED);
        assertThat(l.history().get(l.history().size() - 1).cause()).isEqualTo("labels [7, 8] are new");
        for (int i = 0; i < 100; i++) {
            assertThat(together(l, 7)).containsExactly(7);
            assertThat(together(l, 8)).containsExactly(8);
            wholePartition(l);
            learn(l, FROM + 50 + i, FROM + 51 + i);
        }
        assertThat(l.history().get(l.history().size() - 1).cause()).contains("label 7 joined", "label 8 joined");
        assertThat(l.history().get(l.history().size() - 1).row()).isEqualTo(FROM + 150);
        for (int i = FROM + 150; i < f.x.length; i++) {
            wholePartition(l);
            assertThat(together(l, 7)).hasSizeGreaterThan(1);
            learn(l, i, i + 1);
        }
        int[] groups = new LabelBlocks(LabelBlocks.Config.defaults(0), Rng.of(5)).groups();
        assertThat(l.partition()).containsExactlyInAnyOrder(List.of(0, 1, 3), List.of(2, 4, 5), List.of(6, 7, 8));
        assertThat(l.partition())
                .allSatisfy(g ->
                        assertThat(g.stream().map(y -> groups[y]).distinct()).hasSize(1));
    }

    @Test
    void aNewLabelIsSoonNamed() {
        StreamLearner l = narrow(config);
        learn(l, 0, FROM);
        l.addLabels(ADDED);
        int right = 0;
        for (int i = FROM; i < f.x.length; i++) {
            double[] p = l.learnRow(f.x[i], f.y[i]);
            boolean on = Arrays.binarySearch(f.y[i], 7) >= 0;
            right += i >= FROM + 300 && p[7] > 0.5 == on ? 1 : 0;
        }
        assertThat(right / 600.0).isGreaterThan(0.9);
    }

    private static void wholePartition(StreamLearner l) {
        assertThat(l.partition().stream().flatMap(List::stream).sorted()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8);
    }

    @Test
    void joiningAGroupChangesNoPredictionAtThatMoment() {
        StreamLearner l = narrow(config);
        learn(l, 0, FROM + 50);
        l.addLabels(ADDED);
        learn(l, FROM + 50, FROM + 149);
        double[] lone = Arrays.copyOfRange(l.predictRow(f.x[1]), 7, 9);
        StreamLearner never = narrow(config.with(new LabelClusterer.Config(
                config.clusters().delta(),
                0.1,
                Integer.MAX_VALUE,
                config.clusters().merge(),
                true,
                0)));
        learn(never, 0, FROM + 50);
        never.addLabels(ADDED);
        learn(never, FROM + 50, FROM + 149);
        assertThat(Arrays.copyOfRange(never.predictRow(f.x[1]), 7, 9)).isEqualTo(lone);
        learn(l, FROM + 149, FROM + 150);
        learn(never, FROM + 149, FROM + 150);
        assertThat(together(l, 7)).hasSizeGreaterThan(1);
        assertThat(together(never, 7)).containsExactly(7);
        for (int i = 0; i < 50; i++) {
            assertThat(Arrays.copyOfRange(l.predictRow(f.x[i]), 7, 9))
                    .isEqualTo(Arrays.copyOfRange(never.predictRow(f.x[i]), 7, 9));
        }
    }

    @Test
    void aTreeOfItsOwnIsWhatBinaryRelevanceLearns() {
        TreeConfig tree = TreeConfig.adaptiveTree();
        StreamLearner l = narrow(config);
        StreamLearner br = new BinaryRelevance.Plugin()
                .create(
                        new BinaryRelevance.Config(BinaryRelevance.Base.TREE, tree),
                        StreamFixture.schema(f.x[0].length, OLD),
                        Rng.of(3));
        for (StreamLearner x : List.of(l, br)) {
            learn(x, 0, FROM);
            x.addLabels(ADDED);
        }
        for (int i = FROM; i < FROM + 100; i++) {
            double[] p = l.learnRow(f.x[i], f.y[i]);
            double[] q = br.learnRow(f.x[i], f.y[i]);
            assertThat(Arrays.copyOfRange(p, OLD, 9)).isEqualTo(Arrays.copyOfRange(q, OLD, 9));
        }
    }

    @Test
    void oneGroupStaysThePlainTree() {
        StreamLearner one = narrow(config.with(Grouping.ONE));
        StreamLearner plain =
                new TreeModel.MlhatPlugin().create(config.tree(), StreamFixture.schema(f.x[0].length, OLD), Rng.of(3));
        for (StreamLearner x : List.of(one, plain)) {
            learn(x, 0, FROM);
            x.addLabels(ADDED);
        }
        for (int i = FROM; i < f.x.length; i++) {
            assertThat(one.learnRow(f.x[i], f.y[i])).isEqualTo(plain.learnRow(f.x[i], f.y[i]));
        }
        assertThat(one.partition())
                .containsExactly(IntStream.range(0, 9).boxed().toList());
    }

    @ParameterizedTest
    @EnumSource(value = Grouping.class, mode = Mode.EXCLUDE, names = "ONE")
    void labelsThatComeOneAfterTheOtherWait(Grouping g) {
        StreamLearner l = narrow(config.with(g));
        learn(l, 0, 130);
        l.addLabels(ADDED.subList(0, 1));
        learn(l, 130, 180);
        l.addLabels(ADDED.subList(1, 2));
        boolean online = g == Grouping.ONLINE;
        for (int i = 180; i < 400; i++) {
            wholePartition(l);
            if (online) {
                assertThat(together(l, 7).length == 1).as("row " + i).isEqualTo(i < 230);
                assertThat(together(l, 8).length == 1).as("row " + i).isEqualTo(i < 280);
            }
            learn(l, i, i + 1);
        }
        if (g == Grouping.GIVEN) {
            assertThat(l.partition()).endsWith(List.of(7), List.of(8));
            l.regroup(StreamLearner.one(9));
            wholePartition(l);
        }
    }

    @Test
    void badLabelsAndRowsOfTheFormerWidthAreRefusedAndChangeNothing() {
        StreamLearner l = narrow(config);
        learn(l, 0, 50);
        try (Scope s = Scope.open()) {
            State before = l.state();
            assertThatThrownBy(() -> l.addLabels(List.of(ADDED.get(0), ADDED.get(0))))
                    .hasMessageContaining("Label 7 ('7')")
                    .hasMessageContaining("given twice");
            assertThatThrownBy(() -> l.addLabels(List.of(new Column(7, "3")))).hasMessageContaining("Label 7 ('3')");
            assertThatThrownBy(() -> l.addLabels(List.of(new Column(3, "new")))).hasMessageContaining("Label 3");
            assertThatThrownBy(() -> l.addLabels(List.of(new Column(7, null)))).hasMessageContaining("missing");
            l.addLabels(List.of());
            assertThatThrownBy(() -> l.learnRow(f.x[0], 7)).hasMessageContaining("0 to 6");
            assertThatThrownBy(() -> l.learn(batch(9))).hasMessageContaining("label sets");
            assertThat(l.state().sameAs(before)).isTrue();
            l.addLabels(ADDED);
            State wide = l.state();
            assertThatThrownBy(() -> l.learn(batch(7))).hasMessageContaining("label sets");
            assertThat(l.state().sameAs(wide)).isTrue();
            List<Event> events = new ArrayList<>(l.learn(batch(9)).events());
            assertThat(events).extracting(Event::kind).contains(Event.Kind.PARTITION_CHANGED);
            l.learnRow(f.x[0], 1, 7);
        }
    }

    private Batch batch(int labels) {
        return new Batch(
                Inputs.of(Tensors.of(Arrays.copyOf(f.x, 2))),
                new Target.MultiLabel(Tensors.of(new double[2][labels]), null),
                Rows.of(100L, 101L));
    }
}
