package dev.holdfast.app.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.Names;
import dev.holdfast.registry.Registry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Options of learners and of the scenario as a user gave them: first a file (YAML or JSON), then {@code --set} on top.
 * Every name and value is checked when this is made, before anything runs.
 *
 * <pre>{@code
 * scenario:
 *   name: class-incremental
 *   increment: 2
 * learners:
 *   er: {capacity: 500}
 *   gacil: {}
 * }</pre>
 */
public final class Settings {
    /** Where options of the scenario are found. */
    public static final String SCENARIO = "scenario";

    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    private final Map<String, ObjectNode> fromFile = new LinkedHashMap<>();
    private final Map<String, Map<String, String>> set = new LinkedHashMap<>();
    private final List<String> learners = new ArrayList<>();
    private String scenario;

    private Settings() {}

    /**
     * @param file YAML or JSON, or null
     * @param settings texts NAME.OPTION=VALUE
     */
    public static Settings of(Registry registry, Path file, List<String> settings) {
        Settings s = new Settings();
        if (file != null) {
            s.read(file, registry);
        }
        settings.forEach(text -> s.add(text, registry));
        return s;
    }

    /** The scenario that the file names. */
    public Optional<String> scenario() {
        return Optional.ofNullable(scenario);
    }

    /** The learners that the file names, in its order. */
    public List<String> learners() {
        return List.copyOf(learners);
    }

    /** The defaults with what was given on top; {@code name} is a learner's, or {@link #SCENARIO}. */
    public <C extends Record> C bind(String name, C defaults) {
        C c = fromFile.containsKey(name)
                ? ConfigBinder.fromJson(defaults, fromFile.get(name).toString())
                : defaults;
        return set.containsKey(name) ? ConfigBinder.set(c, set.get(name)) : c;
    }

    /** What was given for one option, as text. */
    public Optional<String> given(String name, String option) {
        String text = set.getOrDefault(name, Map.of()).get(option);
        if (text != null) {
            return Optional.of(text);
        }
        JsonNode value = fromFile.containsKey(name) ? fromFile.get(name).get(option) : null;
        return value == null ? Optional.empty() : Optional.of(value.asText());
    }

    private void add(String text, Registry registry) {
        int eq = text.indexOf('=');
        int dot = text.indexOf('.');
        if (dot < 1 || eq < dot) {
            throw new IllegalArgumentException(
                    "--set takes NAME.OPTION=VALUE but was given '" + text + "'.\nMaybe like --set er.capacity=500.");
        }
        String name = text.substring(0, dot);
        String option = text.substring(dot + 1, eq);
        if (!name.equals(SCENARIO)) {
            // unknown names and unfit values are refused here, not after an hour
            ConfigBinder.set(bind(name, registry.learner(name).defaults()), Map.of(option, text.substring(eq + 1)));
        }
        set.computeIfAbsent(name, n -> new LinkedHashMap<>()).put(option, text.substring(eq + 1));
    }

    private void read(Path file, Registry registry) {
        JsonNode root;
        try {
            root = YAML.readTree(Files.readString(file));
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    file + " cannot be read as YAML or JSON: "
                            + (e instanceof com.fasterxml.jackson.core.JsonProcessingException p
                                    ? p.getOriginalMessage() + " (line "
                                            + p.getLocation().getLineNr() + ")"
                                    : e.getMessage()),
                    e);
        }
        if (!root.isObject()) {
            throw new IllegalArgumentException(
                    file + " should have the parts 'scenario' and 'learners' but is: " + root);
        }
        root.properties().forEach(part -> {
            switch (part.getKey()) {
                case SCENARIO -> readScenario(file, part.getValue());
                case "learners" -> readLearners(file, part.getValue(), registry);
                default ->
                    throw new IllegalArgumentException(file + " has a part '" + part.getKey()
                            + "'; there are scenario and learners."
                            + Names.nearest(part.getKey(), List.of(SCENARIO, "learners"))
                                    .map(n -> "\nMaybe '" + n + "' is meant.")
                                    .orElse(""));
            }
        });
    }

    private void readScenario(Path file, JsonNode node) {
        if (node.isTextual()) {
            scenario = node.asText();
            return;
        }
        ObjectNode options = object(file, SCENARIO, node).deepCopy();
        JsonNode name = options.remove("name");
        scenario = name == null ? null : name.asText();
        fromFile.put(SCENARIO, options);
    }

    private void readLearners(Path file, JsonNode node, Registry registry) {
        if (node.isArray()) {
            node.forEach(n -> learners.add(registry.learner(n.asText()).name()));
            return;
        }
        object(file, "learners", node).properties().forEach(e -> {
            learners.add(registry.learner(e.getKey()).name());
            if (!e.getValue().isNull()) {
                ObjectNode options = object(file, "learners." + e.getKey(), e.getValue());
                try {
                    ConfigBinder.fromJson(registry.learner(e.getKey()).defaults(), options.toString());
                } catch (IllegalArgumentException wrong) {
                    throw new IllegalArgumentException(
                            file + ", learner '" + e.getKey() + "': " + wrong.getMessage(), wrong);
                }
                fromFile.put(e.getKey(), options);
            }
        });
    }

    private static ObjectNode object(Path file, String what, JsonNode node) {
        if (node instanceof ObjectNode o) {
            return o;
        }
        throw new IllegalArgumentException(file + ": '" + what + "' should have options, name: value, but is: " + node);
    }
}
