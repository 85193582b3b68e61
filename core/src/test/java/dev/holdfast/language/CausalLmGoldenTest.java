package dev.holdfast.language;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.language.token.BpeTokenizer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.Rope;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CausalLmGoldenTest {
    @TempDir
    Path folder;

    static Stream<GoldenCase> cases() {
        return Golden.cases("00-causal-lm");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) throws IOException {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "model" -> model(c);
                case "rope-llama3-scaling" -> rope(c);
                case "sampling" -> sampling(c);
                case "tokenizer" -> tokenizer(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static void rope(GoldenCase c) {
        JsonNode config = new ObjectMapper()
                .createObjectNode()
                .put("rope_theta", c.number("rope_theta"))
                .put("model_type", "llama")
                .put("num_hidden_layers", 1)
                .put("hidden_size", 64)
                .put("num_attention_heads", 1)
                .put("vocab_size", 8)
                .put("intermediate_size", 8)
                .set("rope_scaling", c.input("rope_scaling"));
        Rope r = ModelConfig.parse("golden", config).decoder().rope();
        c.assertOutput("inv_freq", r.frequencies(c.integer("head_dim")));
    }

    private static void sampling(GoldenCase c) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (JsonNode r : c.input("rows")) {
            Sampling how = new Sampling(
                    r.path("temperature").asDouble(),
                    r.path("top_k").asInt(),
                    r.path("top_p").asDouble());
            Sampling.Drawn d = how.draw(
                    Golden.tensor(r.path("logits")).unsqueeze(0), r.path("u").asDouble());
            rows.add(Map.of(
                    "id",
                    d.ids().item_long(),
                    "filtered_logprob",
                    d.logProbabilities().item_double()));
        }
        c.assertOutput("rows", rows);
    }

    private static void tokenizer(GoldenCase c) throws IOException {
        BpeTokenizer t = BpeTokenizer.parse(c.name(), c.text("tokenizer_json"));
        List<int[]> ids = new ArrayList<>();
        for (JsonNode text : c.input("texts")) {
            int[] encoded = t.encode(text.asText(), true);
            ids.add(encoded);
            int[] plain = t.encode(text.asText(), true, false);
            if (Arrays.stream(plain).noneMatch(i -> t.token(i).equals("<unk>"))) {
                assertThat(t.decode(plain)).isEqualTo(text.asText());
            }
        }
        c.assertOutput("ids", ids);
    }

    private void model(GoldenCase c) throws IOException {
        Files.writeString(folder.resolve("config.json"), c.input("config").toString());
        byte[] file = Base64.getDecoder().decode(c.text("safetensors_base64"));
        Files.write(folder.resolve("model.safetensors"), file);
        Decoder d = CheckpointFolder.load(folder, ScalarType.Double);
        Tensor ids = ids(c, "ids");
        Tensor logits = d.forward(ids, Pass.eval());
        c.assertOutput("logits", logits);
        Tensor stepwise = d.forward(ids, Pass.eval().withDoubleBackward());
        assertThat(stepwise.sub(logits).abs().max().item_double()).isLessThan(1e-12);
        c.assertOutput("loss", TokenLoss.mean(logits, ids(c, "labels")));

        Parameters p = d.parameters();
        c.assertOutput("param_count", p.count());
        ParamVector g = Autograd.grad(TokenLoss.mean(logits, ids(c, "labels")), p, false);
        Map<String, Double> norms = new LinkedHashMap<>();
        for (int i = 0; i < p.size(); i++) {
            String name = p.meta().get(i).name();
            if (c.expected("grad_l2").has(name)) {
                norms.put(name, g.get(i).norm().item_double());
            }
        }
        c.assertOutput("grad_l2", norms);
        c.assertOutput("grad_model.norm.weight", g.get(p.indexOf("model.norm.weight")));

        Tensor mask = ids(c, "left_padded_attention_mask");
        Tensor padded = d.forward(ids(c, "left_padded_ids"), Pass.eval().withMask(mask));
        c.assertOutput("left_padded_last_logits", padded.select(0, 0).select(0, -1));
        greedy(c, d, ids);
        if (c.expects("lora_last_logits")) {
            lora(c, d, ids);
        }
    }

    private static void greedy(GoldenCase c, Decoder d, Tensor ids) {
        int n = c.expected("greedy_ids").size();
        long[] made = new long[n];
        double[] logp = new double[n];
        Tensor all = Tensors.slice(ids, 0, 1);
        for (int i = 0; i < n; i++) {
            Tensor last = d.forward(all, Pass.eval()).select(1, -1).log_softmax(-1);
            made[i] = last.argmax().item_long();
            logp[i] = last.max().item_double();
            all = Tensors.cat(1, all, Tensors.of(new long[] {made[i]}, 1, 1));
        }
        c.assertOutput("greedy_ids", made);
        c.assertOutput("greedy_logprobs", logp);
    }

    /** Through files as other programs write them. */
    private void lora(GoldenCase c, Decoder d, Tensor ids) throws IOException {
        JsonNode spec = c.input("lora");
        State tensors = new State();
        spec.path("modules").properties().forEach(e -> {
            String name = "base_model.model." + e.getKey();
            tensors.put(name + ".lora_A.weight", Golden.tensor(e.getValue().path("A")));
            tensors.put(name + ".lora_B.weight", Golden.tensor(e.getValue().path("B")));
        });
        Safetensors.write(folder.resolve("adapter_model.safetensors"), tensors);
        Files.writeString(
                folder.resolve("adapter_config.json"),
                "{\"peft_type\": \"LORA\", \"r\": " + spec.path("r") + ", \"lora_alpha\": " + spec.path("alpha") + "}");
        Tensor before = d.forward(ids, Pass.eval());
        AdapterSets adapters = new AdapterSets(d);
        adapters.load(folder, "golden");
        Tensor with = d.forward(ids, Pass.eval()).select(1, -1);
        c.assertOutput("lora_last_logits", with);
        adapters.activateMerged("golden");
        assertThat(d.forward(ids, Pass.eval())
                        .select(1, -1)
                        .sub(with)
                        .abs()
                        .max()
                        .item_double())
                .isLessThan(1e-12);
        adapters.disable();
        assertThat(d.forward(ids, Pass.eval()).equal(before)).isTrue();
    }

    static Tensor ids(GoldenCase c, String input) {
        return c.tensor(input).to(ScalarType.Long);
    }
}
