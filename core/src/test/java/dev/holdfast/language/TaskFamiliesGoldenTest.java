package dev.holdfast.language;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TaskFamiliesGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("00-task-families");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "families" -> families(c);
                case "rollout-mask-and-logprob" -> rollout(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static void families(GoldenCase c) {
        ByteTokenizer bytes = new ByteTokenizer();
        List<Map<String, Object>> rows = new ArrayList<>();
        for (JsonNode n : c.input("problems")) {
            String name = n.path("family").asText();
            Problem p = TaskFamily.valueOf(name.toUpperCase(java.util.Locale.ROOT))
                    .solve(n.path("prompt").asText());
            rows.add(Map.of(
                    "cot", p.thought(),
                    "answer", p.answer(),
                    "ids_direct", p.ids(bytes, false),
                    "ids_with_cot", p.ids(bytes, true),
                    "prompt_ids", bytes.encode(p.prompt(), false)));
        }
        c.assertOutput("rows", rows);
    }

    private static void rollout(GoldenCase c) {
        int[][] ids = Arrays.stream(c.matrix("completions"))
                .map(row -> Arrays.stream(row).mapToInt(v -> (int) v).toArray())
                .toArray(int[][]::new);
        Completions made = Completions.of(ids, c.integer("eos"));
        Tensor logits = c.tensor("logits_full_sequence");
        c.assertOutput("mask", made.mask(logits));
        c.assertOutput(
                "last_index", Arrays.stream(made.lengths()).map(n -> n - 1).toArray());
        c.assertOutput("truncated", made.truncated());
        Tensor prompts = Tensors.zeros(ScalarType.Long, ids.length, c.integer("prompt_length"));
        Tensor all = Tensors.cat(1, prompts, c.tensor("completions").to(ScalarType.Long));
        c.assertOutput("logp", made.logProbabilities(logits, all));
    }
}
