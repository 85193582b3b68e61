package dev.holdfast.learner.analytic;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.estimate.LinearSvm;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Translation, selection and support vector machines against the golden vectors of FeTrIL. */
@ExtendWith(NativeMemory.class)
class FetrilGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("18-fetril");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agrees(GoldenCase c) {
        switch (c.kind()) {
            case "translate-and-classify" -> translateAndClassify(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void translateAndClassify(GoldenCase c) {
        Tensor past = c.tensor("oldPrototypes");
        List<Tensor> fresh = new ArrayList<>();
        for (JsonNode f : c.input("newFeatures")) {
            fresh.add(Golden.tensor(f));
        }
        Tensor means = Tensors.cat(
                0, fresh.stream().map(f -> f.mean(new long[] {0}).unsqueeze(0)).toArray(Tensor[]::new));
        c.assertOutput("newPrototypes", means);
        var similarity =
                FeatureTranslation.Similarity.valueOf(c.text("similarity").toUpperCase(Locale.ROOT));
        int[] source = FeatureTranslation.sources(past, means, similarity, c.integer("rank"));
        c.assertOutput("source", source);

        List<Tensor> pseudo = new ArrayList<>();
        List<Tensor> rows = new ArrayList<>();
        List<Integer> columns = new ArrayList<>();
        for (int p = 0; p < source.length; p++) {
            Tensor moved =
                    FeatureTranslation.translate(fresh.get(source[p]), means.select(0, source[p]), past.select(0, p));
            pseudo.add(moved);
            rows.add(moved);
            columns.addAll(java.util.Collections.nCopies((int) moved.size(0), p));
        }
        c.assertOutput("pseudoFeatures", pseudo);
        for (int k = 0; k < fresh.size(); k++) {
            rows.add(fresh.get(k));
            columns.addAll(java.util.Collections.nCopies((int) fresh.get(k).size(0), source.length + k));
        }
        Tensor x = FeatureTranslation.normalise(Tensors.cat(0, rows.toArray(new Tensor[0])));
        LinearSvm.Fit svm = LinearSvm.fit(
                new LinearSvm.Config(c.number("C"), 1e-12),
                x,
                columns.stream().mapToInt(Integer::intValue).toArray(),
                source.length + fresh.size());
        c.assertOutput("svmWeight", svm.weight());
        c.assertOutput("svmBias", svm.bias());
        Tensor scores = FeatureTranslation.normalise(c.tensor("queries"))
                .matmul(svm.weight().t())
                .add(svm.bias());
        c.assertOutput("scores", scores);
        c.assertOutput("predictions", Tensors.ints(scores.argmax(new LongOptional(1), false)));
    }
}
