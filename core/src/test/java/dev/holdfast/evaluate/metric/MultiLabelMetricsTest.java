package dev.holdfast.evaluate.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MultiLabelMetricsTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("40-ihomer", "metrics");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void goldenVectors(GoldenCase c) {
        JsonNode y = c.input("y");
        JsonNode p = c.input("pred");
        int labels = y.get(0).asText().length();
        MultiLabelMetrics m = new MultiLabelMetrics(labels);
        MultiLabelMetrics first = new MultiLabelMetrics(labels);
        MultiLabelMetrics second = new MultiLabelMetrics(labels);
        for (int i = 0; i < y.size(); i++) {
            boolean[] truth = bits(y.get(i).asText());
            boolean[] predicted = bits(p.get(i).asText());
            m.add(truth, predicted);
            (i < 13 ? first : second).add(truth, predicted);
        }
        c.assertOutput("subset_accuracy", m.subsetAccuracy());
        c.assertOutput("hamming_loss", m.hammingLoss());
        c.assertOutput("example_jaccard", m.exampleJaccard());
        c.assertOutput("example_f1", m.exampleF1());
        c.assertOutput("micro_precision", m.microPrecision());
        c.assertOutput("micro_recall", m.microRecall());
        c.assertOutput("micro_f1", m.microF1());
        c.assertOutput("macro_f1", m.macroF1());
        c.assertAllCompared();
        MultiLabelMetrics merged = MultiLabelMetrics.restore(first.save());
        merged.merge(second);
        assertThat(merged.rows()).isEqualTo(m.rows());
        assertThat(merged.microF1()).isEqualTo(m.microF1());
        assertThat(merged.exampleF1()).isCloseTo(m.exampleF1(), org.assertj.core.data.Offset.offset(1e-12));
        assertThat(MultiLabelMetrics.restore(m.save()).save()).isEqualTo(m.save());
    }

    private static boolean[] bits(String s) {
        boolean[] b = new boolean[s.length()];
        for (int i = 0; i < b.length; i++) {
            b[i] = s.charAt(i) == '1';
        }
        return b;
    }

    @Test
    void emptySetsAreTreatedAsDocumented() {
        MultiLabelMetrics m = new MultiLabelMetrics(2);
        assertThat(m.microF1()).isNaN();
        assertThat(m.subsetAccuracy()).isNaN();
        m.add(bits("00"), bits("00"));
        assertThat(m.exampleF1()).isEqualTo(1);
        assertThat(m.examplePrecision()).isEqualTo(1);
        assertThat(m.exampleRecall()).isEqualTo(1);
        assertThat(m.exampleJaccard()).isEqualTo(1);
        assertThat(m.microF1()).isZero();
        assertThat(m.macroF1()).isZero();
        m.add(bits("10"), bits("00"));
        assertThat(m.examplePrecision()).isEqualTo(0.5);
        m.add(bits("00"), bits("01"));
        assertThat(m.exampleRecall()).isEqualTo(1.0 / 3);
        assertThat(m.hammingLoss()).isEqualTo(2.0 / 6);
        assertThat(m.support(0)).isEqualTo(1);
    }

    @Test
    void precisionAndRecallOfARow() {
        MultiLabelMetrics m = new MultiLabelMetrics(4);
        m.add(bits("1100"), bits("1011"));
        assertThat(m.examplePrecision()).isEqualTo(1.0 / 3);
        assertThat(m.exampleRecall()).isEqualTo(0.5);
        assertThat(m.exampleJaccard()).isEqualTo(0.25);
        assertThat(m.labelF1(0)).isEqualTo(1);
    }

    @Test
    void refusesRowsOfOtherWidthAndOtherMetrics() {
        MultiLabelMetrics m = new MultiLabelMetrics(2);
        assertThatThrownBy(() -> m.add(new boolean[3], new boolean[2]))
                .hasMessageContaining("Row 0")
                .hasMessageContaining("3 true and 2 predicted");
        assertThatThrownBy(() -> m.merge(new MultiLabelMetrics(3))).hasMessageContaining("3 labels");
        assertThatThrownBy(() -> MultiLabelMetrics.restore(new double[7])).hasMessageContaining("7 numbers");
        assertThat(m.rows()).isZero();
    }
}
