package dev.holdfast.language;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.DecoderStyle;
import dev.holdfast.nn.lm.QkNorm;
import dev.holdfast.nn.lm.Rope;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a {@code config.json} of a published checkpoint says, as far as it changes numbers. Model types llama, mistral,
 * qwen2 and qwen3 are known; whatever would change the numbers in a way that {@link DecoderConfig} does not know is
 * refused by name.
 *
 * @param type model type as the file names it
 * @param decoder shape of the net
 * @param begin id that begins a text, or -1
 * @param end ids that end a text
 * @param pad id of padding, or -1
 */
public record ModelConfig(String type, DecoderConfig decoder, int begin, List<Integer> end, int pad) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, String> ARCHITECTURES = Map.of(
            "llama", "LlamaForCausalLM",
            "mistral", "MistralForCausalLM",
            "qwen2", "Qwen2ForCausalLM",
            "qwen3", "Qwen3ForCausalLM");

    /** A decoder that a file of this type cannot describe is refused; how it was initialised is not kept. */
    public ModelConfig {
        end = List.copyOf(end);
        if (!ARCHITECTURES.containsKey(type)) {
            throw new IllegalArgumentException("Model type '" + type + "' is not supported; there are "
                    + new TreeSet<>(ARCHITECTURES.keySet()) + ".");
        }
        decoder = described(decoder);
        DecoderConfig again = decoder("the configuration", type, json(type, decoder));
        if (!again.equals(decoder)) {
            throw new IllegalArgumentException("A checkpoint of type '" + type + "' cannot say that this decoder has "
                    + differences(decoder, again)
                    + ".\nMaybe save its state instead, or build it as this type has it.");
        }
    }

    /** The part of a decoder's shape that a file describes: all but how it began. */
    static DecoderConfig described(DecoderConfig c) {
        return c.withStyle(c.style().withInitialisation(DecoderStyle.LLAMA.initialisation()));
    }

    /**
     * The plainest model type that describes a decoder.
     *
     * @throws IllegalArgumentException if none of the known types has this combination
     */
    public static ModelConfig of(DecoderConfig c, int begin, List<Integer> end, int pad) {
        String type = c.qkNorm() != QkNorm.NONE
                ? "qwen3"
                : c.qkvBias() && !c.outputBias() ? "qwen2" : c.window() > 0 && !c.qkvBias() ? "mistral" : "llama";
        return new ModelConfig(type, c, begin, end, pad);
    }

    private static String differences(DecoderConfig c, DecoderConfig described) {
        List<String> all = new ArrayList<>();
        for (RecordComponent r : DecoderConfig.class.getRecordComponents()) {
            try {
                Object has = r.getAccessor().invoke(c);
                if (!has.equals(r.getAccessor().invoke(described))) {
                    all.add(r.getName() + " " + has);
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
        return String.join(", ", all);
    }

    /** Reads {@code config.json}. */
    public static ModelConfig read(Path file) throws IOException {
        JsonNode json;
        try {
            json = JSON.readTree(Files.readString(file));
        } catch (JsonProcessingException e) {
            throw new IOException(file + " is no JSON: " + e.getOriginalMessage(), e);
        }
        return parse(file.toString(), json);
    }

    /** Reads the JSON of a configuration; {@code where} is named in errors. */
    public static ModelConfig parse(String where, JsonNode json) {
        String type = type(where, json);
        DecoderConfig decoder = decoder(where, type, json);
        List<Integer> end = new ArrayList<>();
        JsonNode eos = json.path("eos_token_id");
        if (eos.isArray()) {
            eos.forEach(e -> end.add(e.asInt()));
        } else if (eos.isNumber()) {
            end.add(eos.asInt());
        }
        return new ModelConfig(
                type,
                decoder,
                json.path("bos_token_id").asInt(-1),
                end,
                json.path("pad_token_id").asInt(-1));
    }

    private static DecoderConfig decoder(String where, String type, JsonNode json) {
        String activation = json.path("hidden_act").asText("silu");
        if (!activation.equals("silu")) {
            throw refused(where, "hidden_act", activation, Set.of("silu"));
        }
        int layers = integer(where, json, "num_hidden_layers");
        int hidden = integer(where, json, "hidden_size");
        int heads = integer(where, json, "num_attention_heads");
        if (heads < 1 || absent(json, "head_dim") && hidden % heads != 0) {
            throw new IllegalArgumentException(where + ": a hidden_size of " + hidden + " cannot be split into " + heads
                    + " heads, and there is no head_dim.");
        }
        boolean bias = json.path("attention_bias").asBoolean(false);
        return new DecoderConfig(
                integer(where, json, "vocab_size"),
                hidden,
                integer(where, json, "intermediate_size"),
                layers,
                heads,
                absent(json, "num_key_value_heads") ? heads : integer(where, json, "num_key_value_heads"),
                absent(json, "head_dim") ? hidden / heads : integer(where, json, "head_dim"),
                json.path("rms_norm_eps").asDouble(1e-6),
                rope(where, json),
                window(where, json, type, layers),
                type.equals("qwen3") ? QkNorm.RMS_NORM : QkNorm.NONE,
                type.equals("qwen2") || bias && !type.equals("mistral"),
                bias && (type.equals("llama") || type.equals("qwen3")),
                type.equals("llama") && json.path("mlp_bias").asBoolean(false),
                json.path("tie_word_embeddings").asBoolean(false),
                absent(json, "max_position_embeddings") ? 2048 : integer(where, json, "max_position_embeddings"),
                DecoderStyle.LLAMA);
    }

    private static String type(String where, JsonNode json) {
        String type = json.path("model_type").asText("");
        String architecture = json.path("architectures").path(0).asText("");
        if (type.isEmpty()) {
            type = ARCHITECTURES.entrySet().stream()
                    .filter(e -> e.getValue().equals(architecture))
                    .map(Map.Entry::getKey)
                    .findFirst()
                    .orElse(architecture);
        }
        if (!ARCHITECTURES.containsKey(type)) {
            throw refused(where, "model_type", type, new TreeSet<>(ARCHITECTURES.keySet()));
        }
        return type;
    }

    private static Rope rope(String where, JsonNode json) {
        // newer files nest the base and the scaling together
        JsonNode nested = json.path("rope_parameters");
        JsonNode scaling = absent(json, "rope_scaling") ? nested : json.path("rope_scaling");
        double theta =
                nested.path("rope_theta").asDouble(json.path("rope_theta").asDouble(1e4));
        String kind = scaling.path("rope_type").asText(scaling.path("type").asText("default"));
        Rope.Scaling s =
                switch (kind) {
                    case "default", "none" -> new Rope.None();
                    case "linear" -> new Rope.Linear(number(where, scaling, "factor"));
                    case "llama3" ->
                        new Rope.Llama3(
                                number(where, scaling, "factor"),
                                number(where, scaling, "low_freq_factor"),
                                number(where, scaling, "high_freq_factor"),
                                number(where, scaling, "original_max_position_embeddings"));
                    default ->
                        throw refused(
                                where, "rope_scaling", kind, new TreeSet<>(Set.of("default", "linear", "llama3")));
                };
        return new Rope(theta, s);
    }

    private static int window(String where, JsonNode json, String type, int layers) {
        boolean asked =
                type.equals("mistral") || json.path("use_sliding_window").asBoolean(false);
        if (type.equals("llama") || !asked || absent(json, "sliding_window")) {
            return 0;
        }
        int from = type.equals("mistral") ? 0 : json.path("max_window_layers").asInt(0);
        if (from >= layers) {
            return 0;
        }
        if (from > 0) {
            throw new IllegalArgumentException(where + ": max_window_layers = " + from + " of " + layers
                    + " layers mixes windowed and full attention, which is not supported.");
        }
        return integer(where, json, "sliding_window");
    }

    /** The JSON that {@link #parse} reads; {@code dtype} as PyTorch names it, e.g. float32. */
    public JsonNode json(String dtype) {
        ObjectNode o = json(type, decoder);
        if (begin >= 0) {
            o.put("bos_token_id", begin);
        }
        if (end.size() == 1) {
            o.put("eos_token_id", end.get(0));
        } else if (!end.isEmpty()) {
            end.forEach(o.putArray("eos_token_id")::add);
        }
        if (pad >= 0) {
            o.put("pad_token_id", pad);
        }
        return o.put("torch_dtype", dtype);
    }

    private static ObjectNode json(String type, DecoderConfig c) {
        ObjectNode o = JSON.createObjectNode();
        o.putArray("architectures").add(ARCHITECTURES.get(type));
        o.put("model_type", type);
        o.put("vocab_size", c.vocabulary()).put("hidden_size", c.hidden());
        o.put("intermediate_size", c.intermediate()).put("num_hidden_layers", c.layers());
        o.put("num_attention_heads", c.heads()).put("num_key_value_heads", c.kvHeads());
        o.put("head_dim", c.headSize()).put("hidden_act", "silu").put("rms_norm_eps", c.normEps());
        o.put("rope_theta", c.rope().theta());
        if (c.rope().scaling() instanceof Rope.Linear s) {
            o.putObject("rope_scaling").put("rope_type", "linear").put("factor", s.factor());
        } else if (c.rope().scaling() instanceof Rope.Llama3 s) {
            o.putObject("rope_scaling")
                    .put("rope_type", "llama3")
                    .put("factor", s.factor())
                    .put("low_freq_factor", s.low())
                    .put("high_freq_factor", s.high())
                    .put("original_max_position_embeddings", (long) s.original());
        }
        o.put("max_position_embeddings", c.context()).put("tie_word_embeddings", c.tied());
        o.put("attention_bias", type.equals("qwen2") ? false : c.qkvBias());
        if (type.equals("llama")) {
            o.put("mlp_bias", c.mlpBias());
        }
        if (c.window() > 0) {
            o.put("sliding_window", c.window());
            if (!type.equals("mistral")) {
                o.put("use_sliding_window", true).put("max_window_layers", 0);
            }
        } else {
            o.putNull("sliding_window");
        }
        return o;
    }

    private static boolean absent(JsonNode json, String key) {
        return json.path(key).isMissingNode() || json.path(key).isNull();
    }

    private static int integer(String where, JsonNode json, String key) {
        JsonNode v = json.path(key);
        if (!v.isIntegralNumber() || !v.canConvertToInt()) {
            throw new IllegalArgumentException(where + ": '" + key + "' must be a whole number but is "
                    + (v.isMissingNode() ? "missing" : v) + ".");
        }
        return v.asInt();
    }

    private static double number(String where, JsonNode json, String key) {
        JsonNode v = json.path(key);
        if (!v.isNumber()) {
            throw new IllegalArgumentException(
                    where + ": '" + key + "' must be a number but is " + (v.isMissingNode() ? "missing" : v) + ".");
        }
        return v.asDouble();
    }

    private static IllegalArgumentException refused(String where, String key, String value, Set<String> known) {
        return new IllegalArgumentException(
                where + ": " + key + " '" + value + "' is not supported; expected one of " + known + ".");
    }
}
