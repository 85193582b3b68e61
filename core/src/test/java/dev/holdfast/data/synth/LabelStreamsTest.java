package dev.holdfast.data.synth;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Inputs;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.LabelRows;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.math.stream.PairCounter;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NativeMemory.class)
class LabelStreamsTest {
    private static final LabelBlocks.Config BLOCKS = LabelBlocks.Config.defaults(1500);

    private static PairCounter pairs(LabelRows r, int from, int to) {
        PairCounter c = new PairCounter(r.labels());
        for (int i = from; i < to; i++) {
            int[] set = r.set(i);
            c.add(set, set.length);
        }
        return c;
    }

    @Test
    void labelsOfAGroupOccurTogetherAndGroupsAreDealtAnew() {
        LabelRows rows = LabelBlocks.rows(BLOCKS, Rng.of(3), 3000);
        LabelBlocks g = new LabelBlocks(BLOCKS, Rng.of(3));
        int[] before = g.groups();
        double[] x = new double[20];
        boolean[] y = new boolean[9];
        for (int i = 0; i < 1500; i++) {
            g.next(x, y);
            assertThat(y).isEqualTo(rows.y()[i]);
            assertThat(x).isEqualTo(rows.x()[i]);
        }
        int[] after = g.groups();
        assertThat(after).isNotEqualTo(before);
        for (int half = 0; half < 2; half++) {
            int[] group = half == 0 ? before : after;
            PairCounter c = pairs(rows, 1500 * half, 1500 * (half + 1));
            for (int i = 0; i < 9; i++) {
                for (int j = i + 1; j < 9; j++) {
                    double jaccard = c.jaccard(i, j);
                    if (group[i] == group[j]) {
                        assertThat(jaccard).isGreaterThan(0.4);
                    } else {
                        assertThat(jaccard).isLessThan(0.2);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(LinkedLabels.Concept.class)
    void linkedLabelsCanBeToldFromTheirNumbersAndTheirLinksChange(LinkedLabels.Concept concept) {
        LinkedLabels.Config config = new LinkedLabels.Config(6, 24, 1.6, 0.4, concept, 2000);
        LabelRows rows = linked(config);
        // each label's numbers differ between its rows and all others
        for (int l = 0; l < 6; l++) {
            double most = 0;
            for (int j = l; j < 24; j += 6) {
                most = Math.max(most, distance(rows, l, j));
            }
            assertThat(most).as("label " + l).isGreaterThan(0.4);
        }
        PairCounter before = pairs(rows, 0, 2000);
        PairCounter after = pairs(rows, 2000, 4000);
        double moved = 0;
        for (int i = 0; i < 6; i++) {
            for (int j = i + 1; j < 6; j++) {
                moved = Math.max(moved, Math.abs(before.jaccard(i, j) - after.jaccard(i, j)));
            }
        }
        assertThat(moved).isGreaterThan(0.03);
    }

    /** Difference of means over the deviation. */
    private static double distance(LabelRows r, int label, int column) {
        double[] n = new double[2];
        double[] sum = new double[2];
        double[] squares = new double[2];
        for (int i = 0; i < r.size(); i++) {
            int k = r.y()[i][label] ? 1 : 0;
            double v = r.x()[i][column];
            n[k]++;
            sum[k] += v;
            squares[k] += v * v;
        }
        double a = sum[0] / n[0];
        double b = sum[1] / n[1];
        double variance = (squares[0] / n[0] - a * a + squares[1] / n[1] - b * b) / 2;
        return Math.abs(a - b) / Math.sqrt(variance);
    }

    private static LabelRows linked(LinkedLabels.Config config) {
        LabelRows rows = LinkedLabels.rows(config, Rng.of(2), 4000);
        assertThat(LinkedLabels.rows(config, Rng.of(2), 50).x()).isDeepEqualTo(Arrays.copyOf(rows.x(), 50));
        return rows;
    }

    @Test
    void partsArePutBackIntoTheOrderOfTheirIds() {
        LabelRows rows = LabelBlocks.rows(BLOCKS, Rng.of(1), 10);
        try (Scope s = Scope.open()) {
            double[][] y = new double[10][9];
            for (int i = 0; i < 10; i++) {
                for (int l : rows.set(i)) {
                    y[i][l] = 1;
                }
            }
            MemoryDataset all = MemoryDataset.of(
                    rows.schema(), Inputs.of(Tensors.of(rows.x())), new Target.MultiLabel(Tensors.of(y), null));
            LabelRows back = LabelRows.of("back", all.subset(7, 1, 3, 9, 0), all.subset(2, 8, 4, 6, 5));
            assertThat(back.x()).isDeepEqualTo(rows.x());
            assertThat(back.y()).isDeepEqualTo(rows.y());
            all.close();
        }
        assertThat(rows.first(3).size()).isEqualTo(3);
        assertThat(Arrays.asList(rows.shuffled(Rng.of(4)).x())).containsExactlyInAnyOrder(rows.x());
    }

    @Test
    void configurationsAreChecked() {
        assertThatThrownBy(() -> new LabelBlocks.Config(2, 3, 5, 0.5, 0.1, 1, 0))
                .hasMessageContaining("groups");
        assertThatThrownBy(() -> new LabelBlocks.Config(3, 2, 5, 1.5, 0.1, 1, 0))
                .hasMessageContaining("1.5");
        assertThatThrownBy(() -> new LinkedLabels.Config(3, 5, 4, 0.1, LinkedLabels.Concept.TREE, 0))
                .hasMessageContaining("cardinality");
        assertThatThrownBy(() -> new LabelRows("x", new double[2][1], new boolean[1][1]))
                .hasMessageContaining("2 rows of numbers and 1 of labels");
    }
}
