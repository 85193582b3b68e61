package dev.holdfast.language;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.nn.weight.LoraDelta;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;

/**
 * Named low-rank adapters on one frozen net, at most one of which acts at a time; files are those of PEFT. The net's own
 * weights never change, so that {@link #disable} gives exactly the net as it was: the reference to compare with.
 *
 * <p>Parameters and optimizers taken from the net are stale after another adapter was chosen. One thread.
 */
public final class AdapterSets {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PREFIX = "base_model.model.";
    private static final String CONFIG = "adapter_config.json";
    private static final String TENSORS = "adapter_model.safetensors";

    private record Adapter(LoraSpec spec, Map<Site, LoraDelta> deltas) {}

    private final Map<String, Site> sites = new LinkedHashMap<>();
    private final Map<Site, WeightSource> base = new LinkedHashMap<>();
    private final Map<String, Adapter> adapters = new LinkedHashMap<>();
    private String active = "";

    /** Takes the net's present weights as the frozen base. */
    public AdapterSets(Part net) {
        for (Site s : Inventory.of(net).sites()) {
            sites.put(s.name(), s);
            base.put(s, s.source());
        }
    }

    /** Names of all adapters, in order of addition. */
    public Set<String> names() {
        return Collections.unmodifiableSet(adapters.keySet());
    }

    /** Name of the adapter that acts, or empty. */
    public String active() {
        return active;
    }

    /** Adds a fresh adapter, which changes nothing yet, and lets it act. */
    public void add(String name, LoraSpec spec, Rng rng) {
        List<Site> at = sites.values().stream().filter(spec::matches).toList();
        if (at.isEmpty()) {
            throw new IllegalArgumentException("No linear map of the net ends in one of " + spec.targets()
                    + "; there are " + sites.keySet() + ".");
        }
        put(name, spec, at, rng);
        activate(name);
    }

    private Adapter put(String name, LoraSpec spec, List<Site> at, Rng rng) {
        if (name.isBlank() || adapters.containsKey(name)) {
            throw new IllegalArgumentException(
                    "An adapter needs a name of its own, not '" + name + "'; there are " + names() + ".");
        }
        disable();
        Map<Site, LoraDelta> deltas = new LinkedHashMap<>();
        for (Site s : at) {
            deltas.put(s, LoraDelta.of(s, spec.rank(), spec.scale() * spec.rank(), spec.dropout(), rng.child(name)));
        }
        Adapter a = new Adapter(spec, deltas);
        adapters.put(name, a);
        return a;
    }

    /** Lets this adapter act, and no other. */
    public void activate(String name) {
        Adapter a = require(name);
        disable();
        a.deltas.forEach(Site::source);
        active = name;
    }

    /** Lets an adapter act as part of plain weights: faster to use, not to be trained; {@link #activate} undoes it. */
    public void activateMerged(String name) {
        activate(name);
        adapters.get(name).deltas.keySet().forEach(s -> s.source(Dense.of(s)));
    }

    /** Lets no adapter act. */
    public void disable() {
        base.forEach(Site::source);
        active = "";
    }

    /** The factors of an adapter: what is trained. */
    public Parameters parameters(String name) {
        List<ParamMeta> meta = new ArrayList<>();
        List<Tensor> leaves = new ArrayList<>();
        require(name).deltas.values().forEach(d -> d.leaves().forEach(l -> {
            meta.add(l.meta());
            leaves.add(l.value());
        }));
        return new Parameters(meta, leaves);
    }

    /**
     * Adds an adapter whose change is a weighted sum of the changes of others, exactly: its rank is the sum of theirs. It has
     * no dropout.
     *
     * @param weights by name, at least one; all on the same maps
     */
    public void combine(String name, Map<String, Double> weights) {
        List<Adapter> parts = weights.keySet().stream().map(this::require).toList();
        if (parts.isEmpty()
                || parts.stream()
                        .anyMatch(p ->
                                !p.deltas.keySet().equals(parts.get(0).deltas.keySet()))) {
            throw new IllegalArgumentException("Adapters " + weights.keySet()
                    + " cannot be summed: there must be some, and all must change the same maps.");
        }
        int rank = parts.stream().mapToInt(p -> p.spec.rank()).sum();
        LoraSpec spec = new LoraSpec(rank, rank, false, 0, parts.get(0).spec.targets());
        List<Site> at = List.copyOf(parts.get(0).deltas.keySet());
        Adapter sum = put(name, spec, at, Rng.of(0));
        List<Double> w = List.copyOf(weights.values());
        try (Scope scope = Scope.open();
                var mode = Autograd.noGrad()) {
            for (Site s : at) {
                Tensor[] a = new Tensor[parts.size()];
                Tensor[] b = new Tensor[parts.size()];
                for (int i = 0; i < a.length; i++) {
                    Adapter p = parts.get(i);
                    a[i] = factor(p, s, 0);
                    b[i] = factor(p, s, 1).mul(Tensors.scalar(w.get(i) * p.spec.scale()));
                }
                factor(sum, s, 0).copy_(Tensors.cat(0, a));
                factor(sum, s, 1).copy_(Tensors.cat(1, b));
            }
        }
        activate(name);
    }

    private static Tensor factor(Adapter a, Site s, int which) {
        return a.deltas.get(s).leaves().get(which).value();
    }

    private Adapter require(String name) {
        Adapter a = adapters.get(name);
        if (a == null) {
            throw new IllegalArgumentException("There is no adapter '" + name + "'; there are " + names() + ".");
        }
        return a;
    }

    /** Writes an adapter as {@code adapter_config.json} and {@code adapter_model.safetensors}. */
    public void save(Path folder, String name) throws IOException {
        Adapter a = require(name);
        Files.createDirectories(folder);
        ObjectNode json = JSON.createObjectNode();
        json.put("peft_type", "LORA").put("task_type", "CAUSAL_LM");
        json.put("r", a.spec.rank()).put("lora_alpha", a.spec.alpha());
        json.put("lora_dropout", a.spec.dropout())
                .put("use_rslora", a.spec.rankStabilized())
                .put("bias", "none");
        a.spec.targets().forEach(json.putArray("target_modules")::add);
        Map<String, Tensor> sorted = new TreeMap<>();
        a.deltas.forEach((site, d) -> {
            sorted.put(
                    PREFIX + site.name() + ".lora_A.weight", d.leaves().get(0).value());
            sorted.put(
                    PREFIX + site.name() + ".lora_B.weight", d.leaves().get(1).value());
        });
        State state = new State().put("format", "pt");
        sorted.forEach(state::put);
        Safetensors.write(folder.resolve(TENSORS), state);
        CheckpointFolder.writeJson(folder.resolve(CONFIG), json);
    }

    /**
     * Reads an adapter and lets it act; the factors take the number type of the net.
     *
     * @throws IllegalArgumentException if the file asks for more than plain LoRA, or names maps that the net does not have;
     *     nothing is changed
     */
    public void load(Path folder, String name) throws IOException {
        JsonNode json = JSON.readTree(Files.readString(folder.resolve(CONFIG)));
        requirePlain(folder, json);
        try (Scope scope = Scope.open()) {
            State file = Safetensors.read(folder.resolve(TENSORS));
            Set<Site> at = new LinkedHashSet<>();
            Set<String> unknown = new TreeSet<>();
            for (String tensor : file.tensors().keySet()) {
                Site s = site(tensor);
                if (s == null) {
                    unknown.add(tensor);
                } else {
                    at.add(s);
                }
            }
            if (!unknown.isEmpty() || at.isEmpty()) {
                throw new IllegalArgumentException(
                        folder + " has adapters for maps that the net does not have: " + unknown + ".");
            }
            List<String> targets = at.stream()
                    .map(s -> s.name().substring(s.name().lastIndexOf('.') + 1))
                    .distinct()
                    .sorted()
                    .toList();
            LoraSpec spec = new LoraSpec(
                    json.path("r").asInt(),
                    json.path("lora_alpha").asDouble(),
                    json.path("use_rslora").asBoolean(),
                    json.path("lora_dropout").asDouble(),
                    targets);
            requireShapes(folder, file, at, spec.rank());
            Adapter a = put(name, spec, List.copyOf(at), Rng.of(0));
            try (var mode = Autograd.noGrad()) {
                for (Site s : at) {
                    factor(a, s, 0).copy_(file.tensor(PREFIX + s.name() + ".lora_A.weight"));
                    factor(a, s, 1).copy_(file.tensor(PREFIX + s.name() + ".lora_B.weight"));
                }
            }
        }
        activate(name);
    }

    private Site site(String tensor) {
        for (String end : List.of(".lora_A.weight", ".lora_B.weight")) {
            if (tensor.startsWith(PREFIX) && tensor.endsWith(end)) {
                return sites.get(tensor.substring(PREFIX.length(), tensor.length() - end.length()));
            }
        }
        return null;
    }

    private static void requireShapes(Path folder, State file, Set<Site> at, int rank) {
        for (Site s : at) {
            long[][] wanted = {{rank, s.geometry().fanIn()}, {s.geometry().rows(), rank}};
            for (int i = 0; i < 2; i++) {
                String name = PREFIX + s.name() + (i == 0 ? ".lora_A.weight" : ".lora_B.weight");
                long[] shape = file.tensor(name).shape();
                if (!Arrays.equals(shape, wanted[i])) {
                    throw new IllegalArgumentException(folder + ": '" + name + "' is " + Arrays.toString(shape)
                            + "; expected " + Arrays.toString(wanted[i]) + ".");
                }
            }
        }
    }

    private static void requirePlain(Path folder, JsonNode json) {
        String type = json.path("peft_type").asText("LORA");
        List<String> more = new ArrayList<>();
        if (!type.equals("LORA")) {
            more.add("peft_type " + type);
        }
        if (!json.path("bias").asText("none").equals("none")) {
            more.add("bias " + json.path("bias"));
        }
        for (String key : List.of("use_dora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "modules_to_save")) {
            JsonNode v = json.path(key);
            if (v.asBoolean() || v.isContainerNode() && !v.isEmpty()) {
                more.add(key + " " + v);
            }
        }
        if (!more.isEmpty()) {
            throw new IllegalArgumentException(
                    folder.resolve(CONFIG) + " asks for more than plain LoRA, which is not supported: " + more + ".");
        }
    }
}
