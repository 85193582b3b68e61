package dev.holdfast.learner.stream.part;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.math.stream.HoeffdingBound;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LabelPartsTest {
    @Test
    void everyKindOfGoldenCaseHasATest() {
        assertThat(Set.of("label-clusterer", "entropy", "metrics", "adwin")).containsAll(Golden.kinds("40-ihomer"));
    }

    static Stream<GoldenCase> cases() {
        return Golden.cases("40-ihomer", "entropy");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void entropiesMeritsAndBounds(GoldenCase c) {
        double[] left = c.vector("label_counts_left");
        double[] right = c.vector("label_counts_right");
        double[] all = new double[left.length];
        Arrays.setAll(all, l -> left[l] + right[l]);
        double nLeft = c.number("n_left");
        double nRight = c.number("n_right");
        double before = LabelEntropy.of(all, all.length, nLeft + nRight);
        double hLeft = LabelEntropy.of(left, all.length, nLeft);
        double hRight = LabelEntropy.of(right, all.length, nRight);
        c.assertOutput("entropy_pre", before);
        c.assertOutput("entropy_left", hLeft);
        c.assertOutput("entropy_right", hRight);
        c.assertOutput("merit", LabelEntropy.merit(before, hLeft, nLeft, hRight, nRight));
        c.assertOutput(
                "hoeffding_bound",
                HoeffdingBound.of(
                        LabelEntropy.range(c.integer("distinct_labelsets")), c.number("delta"), nLeft + nRight));
        c.assertAllCompared();
    }

    private static FeatureSpace numbers(int width) {
        return new FeatureSpace(Schema.of(
                new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of((long) width), 0),
                Target.MultiLabel.class,
                ClassIndex.numbered(3)));
    }

    @Test
    void sparseAndDenseRowsHaveTheSameDistances() {
        StreamContext context = new StreamContext(numbers(12), 3, Rng.of(1));
        Rng rng = Rng.of(2);
        double[][] rows = new double[40][12];
        int[] slots = new int[rows.length];
        Example e = new Example(context);
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < 12; j++) {
                rows[i][j] = i % 2 == 0 && j > 1 ? 0 : rng.nextGaussian();
            }
            slots[i] = context.store().hold(e.of(rows[i], new int[] {i % 3}, 1, 1));
            e.done();
        }
        for (double[] q : rows) {
            e.of(q);
            for (int i = 0; i < rows.length; i++) {
                double d = 0;
                for (int j = 0; j < 12; j++) {
                    double t = (q[j] - rows[i][j]) * context.scaler().inverse(j);
                    d += t * t;
                }
                assertThat(e.distance(slots[i])).isCloseTo(d, org.assertj.core.data.Offset.offset(1e-9));
            }
            double[] back = new double[12];
            context.store().read(slots[0], back);
            assertThat(back).isEqualTo(rows[0]);
        }
    }

    @Test
    void neighboursNameTheSetWithTheMostVotes() {
        StreamContext context = new StreamContext(numbers(1), 3, Rng.of(1));
        LabelPowerset knn = new LabelPowerset(3, 4);
        Example e = new Example(context);
        double[] at = {0, 1, 2, 10, 11};
        int[][] sets = {{0}, {0, 2}, {0, 2}, {1}, {1}};
        for (int i = 0; i < at.length; i++) {
            knn.learn(e.of(new double[] {at[i]}, sets[i], sets[i].length, 1));
            e.done();
        }
        // the first row fell out of the window of four
        assertThat(knn.size()).isEqualTo(4);
        double[] p = new double[3];
        knn.predict(e.of(new double[] {1.5}), new int[] {0, 1, 2}, p);
        assertThat(p[0]).isGreaterThan(0.5);
        assertThat(p[2]).isGreaterThan(0.5);
        assertThat(p[1]).isBetween(0.0, 0.5);
        knn.predict(e.of(new double[] {11}), new int[] {-1, 0, -1}, p);
        assertThat(p[0]).isGreaterThan(0.99);
    }

    @Test
    void logisticUnitsLearnALinearConceptAndProjectToTheBit() {
        StreamContext context = new StreamContext(numbers(2), 3, Rng.of(1));
        OnlineBagging bag = new OnlineBagging(context.scaler().expanded(), 3, 0.3, 0.01);
        Example e = new Example(context);
        Rng rng = Rng.of(4);
        int[] local = {0, 1, 2};
        int right = 0;
        double[] p = new double[3];
        for (int i = 0; i < 1000; i++) {
            double[] x = {rng.nextGaussian(), rng.nextGaussian()};
            int[] set = x[0] > 0 ? x[1] > 0 ? new int[] {0, 2} : new int[] {0} : x[1] > 0 ? new int[] {2} : new int[0];
            e.of(x, set, set.length, 1);
            bag.predict(e, p);
            right += i >= 500 && (p[0] > 0.5) == (x[0] > 0) && (p[2] > 0.5) == (x[1] > 0) && p[1] < 0.5 ? 1 : 0;
            bag.learn(e, local);
            e.done();
        }
        assertThat(right).isGreaterThan(460);
        double[] part = new double[2];
        bag.project(new int[] {0, 2}).predict(e.of(new double[] {0.3, -0.2}), part);
        bag.predict(e, p);
        assertThat(part).containsExactly(p[0], p[2]);
    }

    @Test
    void poissonDrawsHaveMeanAndVarianceOne() {
        StreamContext context = new StreamContext(numbers(1), 3, Rng.of(1));
        Example e = new Example(context);
        double sum = 0;
        double squares = 0;
        int n = 3000;
        for (int i = 0; i < n; i++) {
            e.of(new double[] {1}, new int[0], 0, 1);
            for (int k : e.bag) {
                sum += k;
                squares += k * k;
            }
            e.done();
        }
        double mean = sum / (10 * n);
        assertThat(mean).isBetween(0.98, 1.02);
        assertThat(squares / (10 * n) - mean * mean).isBetween(0.96, 1.04);
    }

    @Test
    void nominalAndNumericFieldsStandSideBySide() {
        Schema schema = new Schema(
                List.of(
                        new Schema.Field("size", Schema.Field.Kind.VECTOR, List.of(2L), 0),
                        new Schema.Field("colour", Schema.Field.Kind.NOMINAL, List.of(), 3)),
                Target.MultiLabel.class,
                ClassIndex.numbered(2),
                Optional.empty());
        FeatureSpace space = new FeatureSpace(schema);
        double[][] rows =
                space.rows(Inputs.of(Map.of("size", new double[][] {{1, 2}}, "colour", new double[][] {{2}})));
        assertThat(rows[0]).containsExactly(1, 2, 2);
        assertThatThrownBy(() ->
                        space.rows(Inputs.of(Map.of("size", new double[][] {{1, 2}}, "colour", new double[][] {{3}}))))
                .hasMessageContaining("Row 0")
                .hasMessageContaining("3.0")
                .hasMessageContaining("0 to 2");
        Scaler scaler = new Scaler(space);
        assertThat(scaler.expanded()).isEqualTo(5);
        scaler.observe(rows[0]);
        scaler.observe(new double[] {3, 2, 0});
        float[] z = new float[5];
        assertThat(scaler.scale(rows[0], z, new int[5])).isEqualTo(2);
        assertThat(z[4]).isPositive();
        assertThat(z[0]).isNegative();
        assertThat(z[1]).isZero();
    }

    @Test
    void labelSetsKnowTheirMajority() {
        Labelsets s = new Labelsets();
        for (int i = 0; i < 100; i++) {
            s.add(new int[] {i % 7, 10}, i % 3 == 0 ? 1 : 2, 1);
        }
        assertThat(s.distinct()).isEqualTo(14);
        s.add(new int[] {3, 10}, 2, 50);
        assertThat(s.majority()).containsExactly(3, 10);
        NumberWriter w = new NumberWriter();
        s.save(w);
        Labelsets back = Labelsets.restore(new NumberReader(w.toArray()), 11);
        assertThat(back.majorityWeight()).isEqualTo(s.majorityWeight());
        assertThatThrownBy(() -> Labelsets.restore(new NumberReader(w.toArray()), 5))
                .hasMessageContaining("expected a whole number from 0 to 4");
    }
}
