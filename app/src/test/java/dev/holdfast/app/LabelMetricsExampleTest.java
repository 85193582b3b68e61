package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.metricspace.Locus;
import dev.holdfast.metricspace.Loki;
import dev.holdfast.metricspace.NextClass;
import dev.holdfast.metricspace.TreeMetric;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** The library example of docs/label-metrics.md is this code, and it prints what the page says. */
class LabelMetricsExampleTest {
    @Test
    void runs() {
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try (Scope s = Scope.open()) {
            example();
        } finally {
            System.setOut(out);
        }
        assertThat(said.toString(StandardCharsets.UTF_8).lines())
                .containsExactly("[1, 3]", "answerable: [0, 1, 2, 3, 4, 5]", "next: OptionalInt[5]");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/label-metrics.md", LabelMetricsExampleTest.class);
    }

    private static void example() {
        // guide
        // labels: 0 animal, 1 cat, 2 dog, 3 tabby, 4 siamese, 5 poodle; the classifier knows 3, 4 and 5
        TreeMetric tree = TreeMetric.of(6, new int[][] {{1, 0}, {2, 0}, {3, 1}, {4, 1}, {5, 2}});
        int[] known = {3, 4, 5};
        Tensor probabilities = Tensors.of(new double[][] {{0.5, 0.4, 0.1}, {0.9, 0.05, 0.05}});
        int[] answers = new Loki(tree, known).predict(probabilities);
        System.out.println(Arrays.toString(answers));
        System.out.println("answerable: " + Arrays.toString(Locus.of(tree, known)));
        System.out.println("next: " + new NextClass(tree, NextClass.Rule.FARTHEST).next(3, 4));
        // end of guide
    }
}
