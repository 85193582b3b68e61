package dev.holdfast.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.DecoderStyle;
import dev.holdfast.nn.lm.QkNorm;
import dev.holdfast.nn.lm.Rope;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointFolderTest {
    private static final DecoderConfig SHAPE = DecoderConfig.of(20, 16, 2, 4).withKvHeads(2);

    @TempDir
    Path folder;

    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static ModelConfig config(DecoderConfig c) {
        return ModelConfig.of(c, 1, List.of(2, 3), 0);
    }

    private Decoder saved(DecoderConfig c) throws IOException {
        Decoder d = c.build(Rng.of(1), ScalarType.Float);
        CheckpointFolder.save(folder, d, config(c));
        return d;
    }

    @Test
    void whatIsSavedIsReadAndSavedAgainBitForBit() throws IOException {
        for (DecoderConfig c : new DecoderConfig[] {
            SHAPE,
            SHAPE.withTied(false).withWindow(3),
            SHAPE.withQkNorm(QkNorm.RMS_NORM),
            SHAPE.withRope(new Rope(5e5, new Rope.Llama3(8, 1, 4, 64)))
        }) {
            Decoder d = saved(c);
            byte[] first = Files.readAllBytes(folder.resolve("model.safetensors"));
            Decoder again = CheckpointFolder.load(folder);
            assertThat(again.config()).isEqualTo(c);
            assertThat(again.dtype()).isEqualTo(ScalarType.Float);
            assertThat(again.state().sameAs(d.state())).isTrue();
            ModelConfig read = ModelConfig.read(folder.resolve("config.json"));
            assertThat(read).isEqualTo(config(c));
            CheckpointFolder.save(folder, again, read);
            assertThat(Files.readAllBytes(folder.resolve("model.safetensors"))).isEqualTo(first);
        }
    }

    @Test
    void shardsHoldTheSame() throws IOException {
        Decoder d = SHAPE.build(Rng.of(1), ScalarType.Float);
        CheckpointFolder.save(folder, d, config(SHAPE), 4000);
        assertThat(folder.resolve("model.safetensors")).doesNotExist();
        assertThat(CheckpointFolder.load(folder).state().sameAs(d.state())).isTrue();
        Path shard;
        try (var files = Files.list(folder)) {
            shard = files.filter(f -> f.toString().endsWith(".safetensors"))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
        byte[] whole = Files.readAllBytes(shard);
        Files.write(shard, Arrays.copyOf(whole, whole.length - 1));
        assertThatThrownBy(() -> CheckpointFolder.load(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(shard.getFileName().toString());
        Files.delete(shard);
        assertThatThrownBy(() -> CheckpointFolder.load(folder)).isInstanceOf(IOException.class);
    }

    @Test
    void refusesADamagedHeader() throws IOException {
        saved(SHAPE);
        byte[] bytes = Files.readAllBytes(folder.resolve("model.safetensors"));
        bytes[7] = 1;
        Files.write(folder.resolve("model.safetensors"), bytes);
        assertThatThrownBy(() -> CheckpointFolder.load(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the header claims");
    }

    @Test
    void listsAllTensorsThatDoNotFit() throws IOException {
        saved(SHAPE);
        Path file = folder.resolve("model.safetensors");
        State some = new State();
        Safetensors.read(file).tensors().forEach((name, t) -> {
            if (!name.endsWith("layers.0.mlp.up_proj.weight") && !name.equals("model.norm.weight")) {
                some.put(name, t);
            }
        });
        // these two are known and not needed
        some.put("lm_head.weight", Tensors.zeros(ScalarType.Float, 20, 16));
        some.put("model.layers.0.self_attn.rotary_emb.inv_freq", Tensors.zeros(ScalarType.Float, 2));
        some.put("model.surprise", Tensors.zeros(ScalarType.Float, 1));
        Safetensors.write(file, some);
        edit("vocab_size", 21);
        assertThatThrownBy(() -> CheckpointFolder.load(folder))
                .hasMessageContaining("Missing: model.layers.0.mlp.up_proj.weight, model.norm.weight.")
                .hasMessageContaining("Unknown: model.surprise.")
                .hasMessageContaining("model.embed_tokens.weight is [20, 16], not [21, 16]");
    }

    private void edit(String key, Object value) throws IOException {
        ObjectMapper json = new ObjectMapper();
        Path file = folder.resolve("config.json");
        ObjectNode o = (ObjectNode) json.readTree(Files.readString(file));
        o.set(key, json.valueToTree(value));
        Files.writeString(file, o.toString());
    }

    @Test
    void refusesWhatItDoesNotKnow() throws IOException {
        saved(SHAPE);
        Path file = folder.resolve("config.json");
        String before = Files.readString(file);
        Map<String, Object> wrong = Map.of(
                "hidden_act",
                "gelu",
                "model_type",
                "gpt2",
                "rope_scaling",
                Map.of("rope_type", "yarn", "factor", 4),
                "num_key_value_heads",
                3,
                "head_dim",
                3,
                "hidden_size",
                "wide");
        Map<String, String> message = Map.of(
                "hidden_act", "hidden_act 'gelu' is not supported",
                "model_type", "model_type 'gpt2' is not supported; expected one of [llama, mistral, qwen2, qwen3]",
                "rope_scaling", "rope_scaling 'yarn' is not supported",
                "num_key_value_heads", "multiple",
                "head_dim", "even size",
                "hidden_size", "'hidden_size' must be a whole number");
        for (String key : wrong.keySet()) {
            Files.writeString(file, before);
            edit(key, wrong.get(key));
            assertThatThrownBy(() -> CheckpointFolder.load(folder)).hasMessageContaining(message.get(key));
        }
        Files.delete(folder.resolve("model.safetensors"));
        Files.writeString(file, before);
        assertThatThrownBy(() -> CheckpointFolder.load(folder)).hasMessageContaining("holds neither");
    }

    @Test
    void adaptersAreSavedSummedAndTakenAway() throws IOException {
        Decoder d = saved(SHAPE);
        Tensor ids = Tensors.of(new long[] {1, 5, 7, 9}, 1, 4);
        Tensor plain = d.forward(ids, Pass.eval());
        AdapterSets sets = new AdapterSets(d);
        sets.add("one", LoraSpec.of(2, 4), Rng.of(1));
        assertThat(d.forward(ids, Pass.eval()).equal(plain)).isTrue();
        fill(sets, "one");
        Tensor one = d.forward(ids, Pass.eval());
        assertThat(one.sub(plain).abs().max().item_double()).isGreaterThan(1e-3);
        sets.save(folder.resolve("one"), "one");

        sets.load(folder.resolve("one"), "again");
        assertThat(d.forward(ids, Pass.eval()).equal(one)).isTrue();
        sets.combine("half", Map.of("one", 0.25, "again", 0.75));
        assertThat(d.forward(ids, Pass.eval()).sub(one).abs().max().item_double())
                .isLessThan(1e-5);
        sets.activateMerged("one");
        assertThat(d.forward(ids, Pass.eval()).sub(one).abs().max().item_double())
                .isLessThan(1e-5);
        CheckpointFolder.save(folder.resolve("merged"), d, config(SHAPE));
        Tensor merged = CheckpointFolder.load(folder.resolve("merged")).forward(ids, Pass.eval());
        assertThat(merged.equal(d.forward(ids, Pass.eval()))).isTrue();
        sets.disable();
        assertThat(d.forward(ids, Pass.eval()).equal(plain)).isTrue();

        assertThatThrownBy(() -> sets.activate("two")).hasMessageContaining("no adapter 'two'");
        assertThatThrownBy(() -> sets.add("x", new LoraSpec(1, 1, false, 0, List.of("nowhere")), Rng.of(1)))
                .hasMessageContaining("[nowhere]");
        Files.writeString(
                folder.resolve("one/adapter_config.json"), "{\"r\": 2, \"lora_alpha\": 4, \"use_dora\": true}");
        assertThatThrownBy(() -> sets.load(folder.resolve("one"), "dora")).hasMessageContaining("use_dora");
        assertThat(sets.names()).containsExactly("one", "again", "half");
    }

    @Test
    void dropoutActsOnTheFactorsInTrainingOnlyAndIsSaved(@TempDir Path folder) throws IOException {
        try (Scope scope = Scope.open()) {
            Decoder d = SHAPE.build(Rng.of(1), ScalarType.Float);
            Tensor ids = Tensors.of(new long[] {1, 2, 3, 4}, 1, 4);
            Tensor plain = d.forward(ids, Pass.eval());
            AdapterSets sets = new AdapterSets(d);
            sets.add("one", new LoraSpec(2, 4, false, 0.5, LoraSpec.ALL), Rng.of(2));
            // factors whose product is zero change nothing, whatever is dropped before them
            assertThat(d.forward(ids, Pass.train(Rng.of(3))).equal(plain)).isTrue();
            fill(sets, "one");
            Tensor whole = d.forward(ids, Pass.eval());
            Tensor dropped = d.forward(ids, Pass.train(Rng.of(3)));
            assertThat(dropped.equal(whole)).isFalse();
            assertThat(dropped.equal(d.forward(ids, Pass.train(Rng.of(3))))).isTrue();
            assertThat(dropped.equal(d.forward(ids, Pass.train(Rng.of(4))))).isFalse();
            sets.save(folder, "one");
            assertThat(Files.readString(folder.resolve("adapter_config.json"))).contains("\"lora_dropout\" : 0.5");
            sets.load(folder, "again");
            assertThat(d.forward(ids, Pass.train(Rng.of(3))).equal(dropped)).isTrue();
            sets.disable();
            assertThat(d.forward(ids, Pass.train(Rng.of(3))).equal(plain)).isTrue();
        }
        assertThatThrownBy(() -> new LoraSpec(2, 4, false, 1, LoraSpec.ALL)).hasMessageContaining("dropout in [0, 1)");
    }

    @Test
    void stabilizedScaleIsOverTheRoot() {
        assertThat(new LoraSpec(4, 8, true, 0, LoraSpec.ALL).scale()).isEqualTo(4);
        assertThat(LoraSpec.of(4, 8).scale()).isEqualTo(2);
    }

    private static void fill(AdapterSets sets, String name) {
        try (var mode = Autograd.noGrad()) {
            for (Tensor t : sets.parameters(name).tensors()) {
                t.copy_(Rng.of(t.numel()).normal(ScalarType.Float, t.shape()));
            }
        }
    }

    @Test
    void whatItsFilesCannotSayIsNotWritten() throws IOException {
        for (DecoderConfig c :
                new DecoderConfig[] {SHAPE.withQkNorm(QkNorm.LAYER_NORM), SHAPE.withStyle(DecoderStyle.PLAIN)}) {
            for (String type : new String[] {"llama", "qwen3"}) {
                assertThatThrownBy(() -> new ModelConfig(type, c, 1, List.of(2), 0))
                        .hasMessageContaining("A checkpoint of type '" + type + "' cannot say")
                        .hasMessageContaining("LAYER_NORM");
            }
            assertThatThrownBy(() -> config(c)).hasMessageContaining("cannot say");
            Decoder d = c.build(Rng.of(1), ScalarType.Float);
            assertThatThrownBy(() -> CheckpointFolder.save(folder, d, config(SHAPE)))
                    .hasMessageContaining("another decoder");
            assertThat(folder).isEmptyDirectory();
        }
        // how a model began is no part of what it is
        DecoderStyle fresh = DecoderStyle.LLAMA.withInitialisation(new DecoderStyle.Initialisation.FanIn());
        Decoder d = saved(SHAPE.withStyle(fresh));
        assertThat(CheckpointFolder.load(folder).state().sameAs(d.state())).isTrue();
    }
}
