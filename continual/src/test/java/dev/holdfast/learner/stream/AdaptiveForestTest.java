package dev.holdfast.learner.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex.Column;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.learner.stream.tree.AdaptiveForest;
import dev.holdfast.learner.stream.tree.TreeConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class AdaptiveForestTest {
    private static final AdaptiveForest.Config CONFIG = AdaptiveForest.Config.defaults();

    private static BinaryRelevance.Config of(AdaptiveForest.Config c) {
        return new BinaryRelevance.Config(BinaryRelevance.Base.FOREST, TreeConfig.adaptiveTree(), c);
    }

    private static StreamLearner learner(StreamFixture f, AdaptiveForest.Config c) {
        return f.learner(new BinaryRelevance.Plugin(), of(c));
    }

    /** Two labels that column 0 decides among 8 columns; the decision is turned round at half time. */
    private static double[][] flipped(int n) {
        Rng rng = Rng.of(4);
        double[][] x = new double[n][8];
        for (double[] row : x) {
            for (int j = 0; j < row.length; j++) {
                row[j] = rng.nextGaussian();
            }
        }
        return x;
    }

    private static int[] set(double[] x, boolean flip) {
        return x[0] > 0 != flip ? new int[] {0} : new int[] {1};
    }

    @Test
    void replacesTreesAfterADriftAndRecovers() {
        double[][] x = flipped(6000);
        StreamLearner l = new BinaryRelevance.Plugin().create(of(CONFIG), StreamFixture.schema(8, 2), Rng.of(1));
        int[] right = new int[6];
        for (int i = 0; i < x.length; i++) {
            boolean flip = i >= 3000;
            double[] p = l.learnRow(x[i], set(x[i], flip));
            right[i / 1000] += p[0] > 0.5 == set(x[i], flip)[0] < 1 ? 1 : 0;
            if (i == 2999) {
                assertThat(l.footprint().shape()).endsWith(" 0 trees replaced");
            }
        }
        assertThat(right[2]).isGreaterThan(930);
        assertThat(right[5]).isGreaterThan(900);
        assertThat(l.footprint().shape()).doesNotContain(" 0 trees replaced").startsWith("2 forests");
    }

    @Test
    void oneTreeOnAllColumnsIsAPlainTreeOfRowsWeightedByTheDraws() {
        StreamFixture f = StreamFixture.blocks(700, 0);
        TreeConfig tree = CONFIG.tree();
        // detectors that never fire, and hardly a draw of 0
        AdaptiveForest.Config one = new AdaptiveForest.Config(1, 20, f.x[0].length, 1e-300, 1e-300, tree);
        StreamLearner forest = learner(f, one);
        StreamLearner plain =
                f.learner(new BinaryRelevance.Plugin(), new BinaryRelevance.Config(BinaryRelevance.Base.TREE, tree));
        StreamLearner few = learner(f, new AdaptiveForest.Config(1, 20, 2, 1e-300, 1e-300, tree));
        try (Scope s = Scope.open()) {
            double[][] y = new double[f.x.length][f.labels];
            double[] weights = new double[f.x.length];
            for (int i = 0; i < y.length; i++) {
                for (int l : f.y[i]) {
                    y[i][l] = 1;
                }
                weights[i] = AdaptiveForest.draws(one, Rng.of(3).child("forest row", i))[0];
                assertThat(weights[i]).isPositive();
                forest.learnRow(f.x[i], f.y[i]);
                few.learnRow(f.x[i], f.y[i]);
            }
            assertThat(Arrays.stream(weights).average().orElse(0)).isBetween(19.0, 21.0);
            plain.learn(new Batch(
                    Inputs.of(Tensors.of(f.x)),
                    new Target.MultiLabel(Tensors.of(y), null),
                    new Rows(LongStream.range(0, y.length).toArray(), Tensors.of(weights, y.length), null, 0, 0)));
        }
        assertThat(plain.footprint().shape()).doesNotContain(" 9 leaves");
        for (int i = 0; i < 100; i++) {
            assertThat(forest.predictRow(f.x[i])).containsExactly(plain.predictRow(f.x[i]), within(1e-15));
        }
        assertThat(few.predictRow(f.x[0])).isNotEqualTo(plain.predictRow(f.x[0]));
    }

    @Test
    void manyTreesAreBetterThanOne() {
        StreamFixture f = StreamFixture.blocks(2500, 0);
        AdaptiveForest.Config one = new AdaptiveForest.Config(1, 6, 0, 0.01, 0.001, CONFIG.tree());
        double[][] alone = f.predictions(learner(f, one));
        double[][] together = f.predictions(learner(f, CONFIG));
        assertThat(f.exact(together, 1000)).isGreaterThan(f.exact(alone, 1000));
        assertThat(Arrays.stream(together).flatMapToDouble(Arrays::stream)).allMatch(v -> v >= 0 && v <= 1);
    }

    @Test
    void resumesToTheBitAcrossReplacementsAndNewLabels() {
        double[][] x = flipped(2600);
        StreamLearner whole = new BinaryRelevance.Plugin().create(of(CONFIG), StreamFixture.schema(8, 2), Rng.of(1));
        State[] saved = new State[14];
        try (Scope s = Scope.open()) {
            for (int i = 0; i < x.length; i++) {
                if (i % 200 == 0) {
                    saved[i / 200] = whole.state();
                }
                if (i == 2300) {
                    whole.addLabels(List.of(new Column(2, "2")));
                }
                whole.learnRow(x[i], set(x[i], i >= 1300));
            }
            State end = whole.state();
            for (int k = 0; k < 13; k++) {
                StreamLearner l =
                        new BinaryRelevance.Plugin().create(of(CONFIG), StreamFixture.schema(8, 2), Rng.of(1));
                l.load(saved[k]);
                for (int i = 200 * k; i < x.length; i++) {
                    if (i == 2300) {
                        l.addLabels(List.of(new Column(2, "2")));
                    }
                    l.learnRow(x[i], set(x[i], i >= 1300));
                }
                assertThat(l.state().sameAs(end))
                        .as("resumed at row " + 200 * k)
                        .isTrue();
            }
            assertThat(whole.footprint().shape()).doesNotContain(" 0 trees replaced");
        }
    }

    @Test
    void settingsThatMakeNoForestAreRefused() {
        assertThatThrownBy(() -> new AdaptiveForest.Config(10, 6, 0, 0.01, 0.001, TreeConfig.adaptiveTree()))
                .hasMessageContaining("tree.adaptive=false");
        assertThatThrownBy(() -> new AdaptiveForest.Config(0, 6, 0, 0.01, 0.001, CONFIG.tree()))
                .hasMessageContaining("members >= 1");
        assertThatThrownBy(() -> new AdaptiveForest.Config(10, 6, 0, 0.01, 1, CONFIG.tree()))
                .hasMessageContaining("in (0, 1)");
    }
}
