package dev.holdfast.learner.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.learner.stream.Ihomer.Grouping;
import dev.holdfast.learner.stream.Ihomer.WarmStart;
import dev.holdfast.learner.stream.tree.LeafRule;
import dev.holdfast.learner.stream.tree.TreeConfig;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NativeMemory.class)
class IhomerTest {
    private static final Ihomer.Config CONFIG = Ihomer.Config.defaults();

    private static Ihomer.Config small() {
        TreeConfig t = TreeConfig.adaptiveTree();
        TreeConfig young = new TreeConfig(
                true, 50, 0.05, 0.3, 10, 0.99, 30, LeafRule.ADAPTIVE, 4, 60, 150, 0.3, 0.3, 0.01, 0.01, true, false);
        assertThat(t).isNotEqualTo(young);
        return new Ihomer.Config(
                CONFIG.clusters().withDelta(0.5), young, Grouping.ONLINE, WarmStart.PROJECT, 60, true, 0.01);
    }

    @Test
    void oneClusterIsThePlainAdaptiveTree() {
        StreamFixture f = StreamFixture.blocks(1500, 700);
        double[][] one = f.predictions(f.learner(new Ihomer.Plugin(), CONFIG.with(Grouping.ONE)));
        double[][] plain = f.predictions(f.learner(new TreeModel.MlhatPlugin(), CONFIG.tree()));
        assertThat(one).isDeepEqualTo(plain);
    }

    @Test
    void aClusterForEachLabelIsBinaryRelevance() {
        StreamFixture f = StreamFixture.blocks(1500, 700);
        double[][] each = f.predictions(f.learner(new Ihomer.Plugin(), CONFIG.with(Grouping.SINGLETONS)));
        double[][] br = f.predictions(f.learner(
                new BinaryRelevance.Plugin(),
                new BinaryRelevance.Config(BinaryRelevance.Base.TREE, TreeConfig.adaptiveTree())));
        assertThat(each).isDeepEqualTo(br);
    }

    @Test
    void laidDownGroupsThatNeverChangeAreTheOnlineOnesOfOneLook() {
        StreamFixture f = StreamFixture.blocks(400, 0);
        StreamLearner given = f.learner(new Ihomer.Plugin(), CONFIG.with(Grouping.GIVEN));
        List<List<Integer>> groups = List.of(List.of(0, 4, 8), List.of(2, 1), List.of(3, 5, 6, 7));
        given.regroup(groups);
        assertThat(given.partition()).containsExactly(List.of(0, 4, 8), List.of(1, 2), List.of(3, 5, 6, 7));
        assertThat(given.history()).hasSize(1).first().satisfies(c -> assertThat(c.cause())
                .isEqualTo("laid down"));
        assertThatThrownBy(() -> given.regroup(List.of(List.of(0, 1), List.of(1, 2))))
                .hasMessageContaining("disjoint");
        StreamLearner online = f.learner(new Ihomer.Plugin(), CONFIG);
        assertThatThrownBy(() -> online.regroup(groups)).hasMessageContaining("ONLINE");
    }

    @ParameterizedTest
    @EnumSource(WarmStart.class)
    void restructuresAndKeepsEveryLabel(WarmStart warm) {
        StreamFixture f = StreamFixture.blocks(3000, 1500);
        StreamLearner l = f.learner(new Ihomer.Plugin(), small().with(warm));
        for (int i = 0; i < f.x.length; i++) {
            double[] p = l.learnRow(f.x[i], f.y[i]);
            assertThat(Arrays.stream(p).allMatch(v -> v >= 0 && v <= 1)).isTrue();
            assertThat(l.partition().stream().flatMap(List::stream).sorted())
                    .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8);
        }
        assertThat(l.history()).hasSizeGreaterThan(2);
        assertThat(l.history().get(l.history().size() - 1).partition()).isEqualTo(l.partition());
    }

    @Test
    void projectedTreesPredictLikeTheWholeBeforeTheyLearnOn() {
        StreamFixture f = StreamFixture.blocks(1200, 0);
        Ihomer.Config c = small().with(Grouping.GIVEN);
        StreamLearner l = f.learner(new Ihomer.Plugin(), c);
        // leaves that neither vote nor see only one set: every label's probability is its own
        f.predictions(l);
        double[] before = l.predictRow(f.x[7]);
        l.regroup(List.of(List.of(0, 1, 2, 3), List.of(4, 5, 6, 7, 8)));
        double[] after = l.predictRow(f.x[7]);
        assertThat(after).isEqualTo(before);
    }

    @Test
    void mergedGroupsLetTheFormerTreesSpeakUntilTheNewOneHasCaughtUp() {
        StreamFixture f = StreamFixture.blocks(1200, 0);
        StreamLearner l = f.learner(new Ihomer.Plugin(), small().with(Grouping.GIVEN));
        l.regroup(List.of(List.of(0, 1, 2, 3), List.of(4, 5, 6, 7, 8)));
        f.predictions(l);
        double[] before = l.predictRow(f.x[7]);
        long parameters = l.footprint().parameters();
        l.regroup(StreamLearner.one(9));
        assertThat(l.predictRow(f.x[7])).isEqualTo(before);
        assertThat(l.footprint().parameters()).isGreaterThan(parameters);
        f.predictions(l);
        assertThat(l.predictRow(f.x[7])).isNotEqualTo(before);
    }

    @Test
    void learnsBetterThanTheLastSetAndNoticesDrift() {
        StreamFixture f = StreamFixture.blocks(4000, 2000);
        double exact = f.exact(f.predictions(f.learner(new Ihomer.Plugin(), CONFIG)), 500);
        double none = f.exact(f.predictions(LabelsetBaseline.noChange(f.schema(), Rng.of(1))), 500);
        double most = f.exact(f.predictions(LabelsetBaseline.majority(f.schema(), Rng.of(1))), 500);
        assertThat(exact).isGreaterThan(none + 0.3).isGreaterThan(most + 0.3);
    }

    @Test
    void aFlippedConceptReplacesPartsOfTheAdaptiveTreeOnly() {
        Rng rng = Rng.of(8);
        int n = 8000;
        double[][] x = new double[n][2];
        int[][] y = new int[n][];
        for (int i = 0; i < n; i++) {
            x[i][0] = rng.nextGaussian() + (rng.next() < 0.5 ? 3 : -3);
            x[i][1] = rng.nextGaussian();
            boolean flip = i >= 4000;
            y[i] = x[i][0] > 0 != flip ? new int[] {0, 1} : new int[] {2};
        }
        TreeConfig tree = TreeConfig.adaptiveTree().withLeaf(LeafRule.MAJORITY);
        StreamLearner adaptive = new TreeModel.MlhatPlugin().create(tree, StreamFixture.schema(2, 3), Rng.of(1));
        StreamLearner plain =
                new TreeModel.MlhtPlugin().create(tree.withAdaptive(false), StreamFixture.schema(2, 3), Rng.of(1));
        int rightAdaptive = 0;
        int rightPlain = 0;
        for (int i = 0; i < n; i++) {
            rightAdaptive += right(adaptive.learnRow(x[i], y[i]), y[i]) && i >= 6500 ? 1 : 0;
            rightPlain += right(plain.learnRow(x[i], y[i]), y[i]) && i >= 6500 ? 1 : 0;
        }
        assertThat(rightAdaptive).isGreaterThan(1400);
        assertThat(rightPlain).isLessThan(rightAdaptive);
        assertThat(adaptive.footprint().shape()).doesNotContain(" 0 parts replaced");
        assertThat(plain.footprint().shape()).contains(" 0 parts replaced");
    }

    private static boolean right(double[] p, int[] set) {
        boolean[] named = new boolean[p.length];
        for (int l = 0; l < p.length; l++) {
            named[l] = p[l] > 0.5;
        }
        return Arrays.equals(StreamFixture.set(named), set);
    }

    @Test
    void resumesToTheBitInTheMiddleOfRestructuring() {
        StreamFixture f = StreamFixture.blocks(2400, 1200);
        StreamLearner whole = f.learner(new Ihomer.Plugin(), small());
        List<State> saved = new ArrayList<>();
        for (int i = 0; i < f.x.length; i++) {
            if (i % 150 == 0) {
                try (Scope s = Scope.open()) {
                    saved.add(whole.state().copy());
                }
            }
            whole.learnRow(f.x[i], f.y[i]);
        }
        try (Scope s = Scope.open()) {
            State end = whole.state();
            for (int k = 0; k < saved.size(); k++) {
                StreamLearner l = f.learner(new Ihomer.Plugin(), small());
                l.load(saved.get(k));
                for (int i = 150 * k; i < f.x.length; i++) {
                    l.learnRow(f.x[i], f.y[i]);
                }
                assertThat(l.state().sameAs(end))
                        .as("resumed at row " + 150 * k)
                        .isTrue();
                assertThat(l.history()).isEqualTo(whole.history());
            }
        }
        saved.forEach(s -> s.tensors().values().forEach(t -> t.close()));
    }

    @Test
    void batchesRowsAndTensorsAreOneStream() {
        StreamFixture f = StreamFixture.blocks(300, 0);
        StreamLearner rows = f.learner(new Ihomer.Plugin(), small());
        StreamLearner batches = f.learner(new Ihomer.Plugin(), small());
        double[][] p = f.predictions(rows);
        try (Scope s = Scope.open()) {
            double[][] y = new double[300][9];
            for (int i = 0; i < 300; i++) {
                for (int l : f.y[i]) {
                    y[i][l] = 1;
                }
            }
            List<StepReport.Event> events = new ArrayList<>();
            double loss = 0;
            for (int at = 0; at < 300; at += 60) {
                StepReport r =
                        batches.learn(batch(Arrays.copyOfRange(f.x, at, at + 60), Arrays.copyOfRange(y, at, at + 60)));
                events.addAll(r.events());
                loss += r.loss() / 5;
            }
            assertThat(batches.state().sameAs(rows.state())).isTrue();
            int wrong = 0;
            for (int i = 0; i < 300; i++) {
                for (int l = 0; l < 9; l++) {
                    wrong += (p[i][l] > 0.5) != (y[i][l] == 1) ? 1 : 0;
                }
            }
            assertThat(loss).isCloseTo(wrong / 2700.0, org.assertj.core.data.Offset.offset(1e-12));
            assertThat(events).extracting(StepReport.Event::kind).contains(StepReport.Event.Kind.PARTITION_CHANGED);
            Prediction q = batches.predict(Inputs.of(Tensors.of(f.x)));
            assertThat(q.kind()).isEqualTo(Prediction.Kind.PROBABILITIES);
            assertThat(Tensors.rows(q.scores())[5]).isEqualTo(rows.predictRow(f.x[5]));
        }
    }

    private static Batch batch(double[][] x, double[][] y) {
        long[] ids = new long[x.length];
        Arrays.setAll(ids, i -> 100 + i);
        return new Batch(Inputs.of(Tensors.of(x)), new Target.MultiLabel(Tensors.of(y), null), Rows.of(ids));
    }

    @Test
    void badRowsAreNamedAndChangeNothing() {
        StreamFixture f = StreamFixture.blocks(50, 0);
        StreamLearner l = f.learner(new Ihomer.Plugin(), CONFIG);
        f.predictions(l);
        try (Scope s = Scope.open()) {
            State before = l.state();
            assertThatThrownBy(() -> l.learnRow(new double[3], 1)).hasMessageContaining("Row 50 has 3 numbers");
            assertThatThrownBy(() -> l.learnRow(f.x[0], 2, 2)).hasMessageContaining("Row 50 has the labels [2, 2]");
            assertThatThrownBy(() -> l.learnRow(f.x[0], -1)).hasMessageContaining("[-1]");
            assertThatThrownBy(() -> l.learnRow(f.x[0], 9)).hasMessageContaining("0 to 8");
            double[] nan = f.x[0].clone();
            nan[4] = Double.NaN;
            assertThatThrownBy(() -> l.learnRow(nan, 1)).hasMessageContaining("NaN in column 4");
            assertThatThrownBy(() -> l.predictRow(nan)).hasMessageContaining("NaN in column 4");
            double[][] y = new double[2][9];
            y[1][3] = 0.5;
            assertThatThrownBy(() -> l.learn(batch(Arrays.copyOf(f.x, 2), y)))
                    .hasMessageContaining("Row 1 (id 101) has 0.5 for label 3");
            assertThatThrownBy(() -> l.learn(batch(new double[][] {f.x[0], nan}, new double[2][9])))
                    .hasMessageContaining("Row 1 holds NaN");
            assertThatThrownBy(() -> l.learn(batch(Arrays.copyOf(f.x, 2), new double[2][8])))
                    .hasMessageContaining("label sets");
            Batch ids = new Batch(Inputs.of(Tensors.of(new double[][] {f.x[0]})), Target.ClassIds.of(1), Rows.of(0L));
            assertThatThrownBy(() -> l.learn(ids)).hasMessageContaining("label sets");
            assertThat(l.state().sameAs(before)).isTrue();
        }
        assertThatThrownBy(() -> new Ihomer.Plugin()
                        .create(
                                CONFIG,
                                dev.holdfast.data.Schema.vectors(4, dev.holdfast.data.ClassIndex.numbered(3)),
                                Rng.of(1)))
                .hasMessageContaining("learns sets of labels");
    }

    @Test
    void oneLabelInAllAndNominalColumnsWork() {
        dev.holdfast.data.Schema schema = dev.holdfast.data.Schema.of(
                new dev.holdfast.data.Schema.Field("x", dev.holdfast.data.Schema.Field.Kind.NOMINAL, List.of(), 4),
                Target.MultiLabel.class,
                dev.holdfast.data.ClassIndex.numbered(1));
        StreamLearner l = new Ihomer.Plugin().create(CONFIG, schema, Rng.of(1));
        Rng rng = Rng.of(2);
        int right = 0;
        for (int i = 0; i < 1500; i++) {
            int code = rng.below(4);
            boolean on = code == 2;
            double[] p = on ? l.learnRow(new double[] {code}, 0) : l.learnRow(new double[] {code});
            right += i >= 1000 && p[0] > 0.5 == on ? 1 : 0;
        }
        assertThat(right).isEqualTo(500);
        assertThat(l.partition()).containsExactly(List.of(0));
        assertThat(l.footprint().shape()).contains("1 groups of 1 labels, trees with 2 leaves");
    }
}
