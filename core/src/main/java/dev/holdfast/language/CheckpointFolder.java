package dev.holdfast.language;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.quant.QuantisedWeight;
import dev.holdfast.tensor.AtomicFile;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.SafetensorsHeader;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Folders of published checkpoints: {@code config.json} with {@code model.safetensors}, or with shards that {@code
 * model.safetensors.index.json} lists. Nothing is computed before names and shapes of all tensors were found right.
 *
 * <p>Stateless; safe from any thread.
 */
public final class CheckpointFolder {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONFIG = "config.json";
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    private CheckpointFolder() {}

    /** Reads the model in the number type of its embedding. */
    public static Decoder load(Path folder) throws IOException {
        return load(folder, null);
    }

    /**
     * Reads the model.
     *
     * @param dtype number type to compute in, or null for that of the file's embedding
     * @throws IOException if a file is missing, damaged or cut off
     * @throws IllegalArgumentException if the model is of an unknown kind, or tensors are missing, left over or of another
     *     shape; all of them are listed
     */
    public static Decoder load(Path folder, ScalarType dtype) throws IOException {
        ModelConfig config = ModelConfig.read(folder.resolve(CONFIG));
        Map<String, Path> files = files(folder);
        Map<String, SafetensorsHeader.Entry> found = entries(files);
        SafetensorsHeader.Entry table = found.get("model.embed_tokens.weight");
        ScalarType type = dtype != null
                ? dtype
                : table == null ? ScalarType.Float : table.dtype().type();
        Decoder decoder = Decoder.blank(config.decoder(), type);
        Map<String, Site> sites = new TreeMap<>();
        for (Site s : Inventory.of(decoder).sites()) {
            sites.put(tensorName(s), s);
        }
        requireSame(folder, sites, found);
        for (Map.Entry<String, Site> e : sites.entrySet()) {
            try (Scope scope = Scope.open()) {
                Tensor t = Safetensors.read(files.get(e.getKey()), e.getKey());
                e.getValue().source().initFrom(t.to(type));
            }
        }
        return decoder;
    }

    /** Writes one file of tensors beside {@code config.json}. */
    public static void save(Path folder, Decoder decoder, ModelConfig config) throws IOException {
        save(folder, decoder, config, Long.MAX_VALUE);
    }

    /**
     * Writes or replaces a checkpoint; every weight is written as it acts now, adapters merged in, but rounded weights in full
     * precision. Equal models give equal bytes.
     *
     * @param config of this decoder: what ends a text, and the model type
     * @param shardBytes most bytes of tensors a file; a single larger tensor gets a file of its own
     */
    public static void save(Path folder, Decoder decoder, ModelConfig config, long shardBytes) throws IOException {
        if (!config.decoder().equals(ModelConfig.described(decoder.config()))) {
            throw new IllegalArgumentException("The configuration describes another decoder: " + config.decoder()
                    + "; this one is " + decoder.config() + ".");
        }
        if (shardBytes < 1) {
            throw new IllegalArgumentException("A shard needs room for at least one byte but has " + shardBytes + ".");
        }
        Files.createDirectories(folder);
        try (Scope s = Scope.open()) {
            List<State> shards = shards(decoder, shardBytes);
            if (shards.size() == 1) {
                Safetensors.write(folder.resolve(SINGLE), shards.get(0));
                Files.deleteIfExists(folder.resolve(INDEX));
            } else {
                writeShards(folder, shards);
                Files.deleteIfExists(folder.resolve(SINGLE));
            }
        }
        writeJson(folder.resolve(CONFIG), config.json(torchName(decoder.dtype())));
    }

    private static List<State> shards(Decoder decoder, long shardBytes) {
        Map<String, Tensor> tensors = new TreeMap<>();
        for (Site site : Inventory.of(decoder).sites()) {
            tensors.put(tensorName(site), QuantisedWeight.master(site).toDense());
        }
        List<State> shards = new ArrayList<>();
        long room = 0;
        for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
            long bytes = e.getValue().nbytes();
            if (shards.isEmpty() || bytes > room) {
                shards.add(new State().put("format", "pt"));
                room = shardBytes;
            }
            shards.get(shards.size() - 1).put(e.getKey(), e.getValue());
            room -= bytes;
        }
        return shards;
    }

    private static void writeShards(Path folder, List<State> shards) throws IOException {
        ObjectNode index = JSON.createObjectNode();
        long total = shards.stream()
                .flatMap(s -> s.tensors().values().stream())
                .mapToLong(Tensor::nbytes)
                .sum();
        index.putObject("metadata").put("total_size", total);
        ObjectNode map = index.putObject("weight_map");
        for (int i = 0; i < shards.size(); i++) {
            String name = String.format("model-%05d-of-%05d.safetensors", i + 1, shards.size());
            Safetensors.write(folder.resolve(name), shards.get(i));
            shards.get(i).tensors().keySet().forEach(t -> map.put(t, name));
        }
        writeJson(folder.resolve(INDEX), index);
    }

    /** The file of every tensor. */
    private static Map<String, Path> files(Path folder) throws IOException {
        Map<String, Path> files = new LinkedHashMap<>();
        Path index = folder.resolve(INDEX);
        if (Files.exists(index)) {
            JsonNode map = JSON.readTree(Files.readString(index)).path("weight_map");
            if (!map.isObject()) {
                throw new IOException(index + " has no 'weight_map'.");
            }
            for (Map.Entry<String, JsonNode> e : map.properties()) {
                Path file = folder.resolve(e.getValue().asText()).normalize();
                if (!folder.normalize().equals(file.getParent())) {
                    throw new IOException(index + " puts tensor '" + e.getKey() + "' outside its folder: "
                            + e.getValue().asText() + ".");
                }
                files.put(e.getKey(), file);
            }
            return files;
        }
        Path single = folder.resolve(SINGLE);
        if (!Files.exists(single)) {
            throw new IOException("The folder " + folder + " holds neither " + SINGLE + " nor " + INDEX + ".");
        }
        Safetensors.header(single).entries().keySet().forEach(t -> files.put(t, single));
        return files;
    }

    private static Map<String, SafetensorsHeader.Entry> entries(Map<String, Path> files) throws IOException {
        Map<Path, SafetensorsHeader> headers = new LinkedHashMap<>();
        Map<String, SafetensorsHeader.Entry> entries = new TreeMap<>();
        for (Map.Entry<String, Path> e : files.entrySet()) {
            SafetensorsHeader h = headers.get(e.getValue());
            if (h == null) {
                h = Safetensors.header(e.getValue());
                headers.put(e.getValue(), h);
            }
            SafetensorsHeader.Entry entry = h.entries().get(e.getKey());
            if (entry == null) {
                throw new IOException(
                        e.getValue() + " has no tensor '" + e.getKey() + "', which the index puts there.");
            }
            entries.put(e.getKey(), entry);
        }
        return entries;
    }

    private static void requireSame(Path folder, Map<String, Site> sites, Map<String, SafetensorsHeader.Entry> found) {
        TreeSet<String> missing = new TreeSet<>(sites.keySet());
        missing.removeAll(found.keySet());
        TreeSet<String> extra = new TreeSet<>(found.keySet());
        extra.removeAll(sites.keySet());
        // a head that is written although it is tied, and frequencies that old files kept
        extra.removeIf(n -> n.equals("lm_head.weight") || n.endsWith(".rotary_emb.inv_freq"));
        List<String> shapes = new ArrayList<>();
        sites.forEach((name, site) -> {
            SafetensorsHeader.Entry e = found.get(name);
            if (e != null && !Arrays.equals(e.shape(), site.geometry().sizes())) {
                shapes.add(name + " is " + Arrays.toString(e.shape()) + ", not "
                        + site.geometry().shape());
            }
        });
        if (missing.isEmpty() && extra.isEmpty() && shapes.isEmpty()) {
            return;
        }
        throw new IllegalArgumentException("The tensors in " + folder + " are not those that its config.json describes."
                + (missing.isEmpty() ? "" : " Missing: " + String.join(", ", missing) + ".")
                + (extra.isEmpty() ? "" : " Unknown: " + String.join(", ", extra) + ".")
                + (shapes.isEmpty() ? "" : " Of another shape: " + String.join("; ", shapes) + ".")
                + "\nMaybe vocab_size or another size in config.json was edited.");
    }

    static String tensorName(Site s) {
        return s.geometry().kind() == Geometry.Kind.VECTOR ? s.name() : s.name() + ".weight";
    }

    static void writeJson(Path file, JsonNode json) throws IOException {
        byte[] text = (json.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
        AtomicFile.write(file, out -> {
            ByteBuffer b = ByteBuffer.wrap(text);
            while (b.hasRemaining()) {
                out.write(b);
            }
        });
    }

    private static String torchName(ScalarType t) {
        return switch (t) {
            case Double -> "float64";
            case Half -> "float16";
            case BFloat16 -> "bfloat16";
            default -> "float32";
        };
    }
}
