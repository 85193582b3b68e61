package dev.holdfast.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.holdfast.config.Choice;
import dev.holdfast.config.Doc;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Configuration records to and from JSON, YAML and {@code name=value} settings. The record is the only description: its
 * components are the names, its compact constructor the checks. Stateless; safe from any thread.
 */
public final class ConfigBinder {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .annotationIntrospector(new Choices.Introspector())
            .build();
    private static final ObjectMapper YAML = YAMLMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private ConfigBinder() {}

    /** One component of a configuration: dotted name, default as text, what it accepts, what it is. */
    public record Option(String name, String value, String accepts, String help) {}

    /** The record as JSON on one line, components in order. */
    public static String json(Record config) {
        try {
            return JSON.writeValueAsString(config);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(config.getClass() + " cannot be written as JSON", e);
        }
    }

    /** A record from JSON; components that the text leaves out keep the value in {@code defaults}. */
    public static <C extends Record> C fromJson(C defaults, String json) {
        return merge(defaults, json, JSON);
    }

    /** A record from YAML; components that the text leaves out keep the value in {@code defaults}. */
    public static <C extends Record> C fromYaml(C defaults, String yaml) {
        return merge(defaults, yaml, YAML);
    }

    private static <C extends Record> C merge(C defaults, String text, ObjectMapper mapper) {
        ObjectNode tree = JSON.valueToTree(defaults);
        try {
            JsonNode read = mapper.readTree(text);
            if (!read.isObject()) {
                throw new IllegalArgumentException("Expected a configuration with named components but found: " + text);
            }
            overlay(tree, read, "", defaults.getClass());
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The configuration cannot be read: " + e.getOriginalMessage(), e);
        }
        return bind(defaults, tree);
    }

    private static void overlay(ObjectNode tree, JsonNode more, String path, Class<?> type) {
        more.properties().forEach(e -> {
            String name = e.getKey();
            requireKnown(tree, name, path);
            Class<?> component = Choices.component(type, name);
            if (e.getValue().isObject() && tree.get(name) instanceof ObjectNode inner) {
                ObjectNode into = inner;
                if (component != null && Choices.isChoice(component)) {
                    String kind = e.getValue()
                            .path(Choices.KIND)
                            .asText(inner.path(Choices.KIND).asText());
                    into = turn(tree, name, path, component, kind);
                    component = Choices.kind(component, path + name, kind).getClass();
                }
                overlay(into, e.getValue(), path + name + ".", component);
            } else {
                tree.set(name, e.getValue());
            }
        });
    }

    /** The node of a choice, with the defaults of {@code kind} if it was of another. */
    private static ObjectNode turn(ObjectNode at, String name, String path, Class<?> choice, String kind) {
        ObjectNode now = (ObjectNode) at.get(name);
        if (!now.path(Choices.KIND).asText().equals(kind)) {
            ObjectNode fresh = JSON.createObjectNode().put(Choices.KIND, kind);
            fresh.setAll((ObjectNode) JSON.valueToTree(Choices.kind(choice, path + name, kind)));
            at.set(name, fresh);
            return fresh;
        }
        return now;
    }

    /** The defaults with some components replaced: names are dotted, values are texts as typed. */
    public static <C extends Record> C set(C defaults, Map<String, String> settings) {
        ObjectNode tree = JSON.valueToTree(defaults);
        // the kind of a choice decides which components it has, wherever it stands among the settings
        settings.forEach((name, value) -> set(tree, defaults.getClass(), name, value, true));
        settings.forEach((name, value) -> set(tree, defaults.getClass(), name, value, false));
        return bind(defaults, tree);
    }

    private static void set(ObjectNode tree, Class<?> root, String name, String value, boolean kinds) {
        ObjectNode at = tree;
        Class<?> type = root;
        String[] parts = name.split("\\.");
        String path = "";
        for (int i = 0; i < parts.length - 1; i++) {
            Class<?> component = Choices.component(type, parts[i]);
            if (kinds && component == null) {
                return;
            }
            requireKnown(at, parts[i], path);
            if (!(at.get(parts[i]) instanceof ObjectNode inner)) {
                throw new IllegalArgumentException(
                        "'" + path + parts[i] + "' is a single value and has no component '" + parts[i + 1] + "'.");
            }
            if (component != null && Choices.isChoice(component)) {
                boolean turns = i == parts.length - 2 && parts[i + 1].equals(Choices.KIND);
                if (turns && kinds) {
                    turn(at, parts[i], path, component, value);
                }
                if (turns) {
                    return;
                }
                component = Choices.kind(
                                component,
                                path + parts[i],
                                inner.path(Choices.KIND).asText())
                        .getClass();
            }
            path += parts[i] + ".";
            type = component;
            at = inner;
        }
        if (kinds) {
            return;
        }
        String leaf = parts[parts.length - 1];
        requireKnown(at, leaf, path);
        at.set(leaf, value(name, value, at.get(leaf)));
    }

    private static void requireKnown(ObjectNode at, String name, String path) {
        if (!at.has(name)) {
            List<String> known = new ArrayList<>();
            at.fieldNames().forEachRemaining(known::add);
            throw new IllegalArgumentException("There is no option '" + path + name + "'; there are "
                    + String.join(", ", known.stream().map(k -> path + k).toList()) + "."
                    + Names.nearest(name, known)
                            .map(n -> "\nMaybe '" + path + n + "' is meant.")
                            .orElse(""));
        }
    }

    private static JsonNode value(String name, String text, JsonNode old) {
        try {
            if (old.isBoolean()) {
                if (!text.equals("true") && !text.equals("false")) {
                    throw new IllegalArgumentException(
                            "Option '" + name + "' is true or false but was given '" + text + "'.");
                }
                return JSON.getNodeFactory().booleanNode(Boolean.parseBoolean(text));
            }
            if (old.isIntegralNumber()) {
                return JSON.getNodeFactory().numberNode(Long.parseLong(text));
            }
            if (old.isNumber()) {
                return JSON.getNodeFactory().numberNode(Double.parseDouble(text));
            }
            if (old.isArray()) {
                String list = text.startsWith("[") ? text : "[" + text + "]";
                return JSON.readTree(list);
            }
            if (old.isObject()) {
                return JSON.readTree(text);
            }
            return JSON.getNodeFactory().textNode(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "Option '" + name + "' is a number, now " + old.asText() + ", but was given '" + text + "'.");
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "Option '" + name + "' cannot take '" + text + "': " + e.getOriginalMessage());
        }
    }

    @SuppressWarnings("unchecked")
    private static <C extends Record> C bind(C defaults, ObjectNode tree) {
        try {
            return (C) JSON.treeToValue(tree, defaults.getClass());
        } catch (JsonProcessingException e) {
            Throwable cause = e;
            while (cause.getCause() != null && cause.getCause() != cause) {
                cause = cause.getCause();
            }
            if (cause instanceof IllegalArgumentException check && !(cause instanceof JsonProcessingException)) {
                throw check;
            }
            throw new IllegalArgumentException("The configuration does not fit: " + e.getOriginalMessage(), e);
        }
    }

    /** All components with their values in {@code config}, nested ones by dotted names. */
    public static List<Option> options(Record config) {
        List<Option> all = new ArrayList<>();
        collect(config, "", all);
        return all;
    }

    private static void collect(Record config, String path, List<Option> into) {
        for (RecordComponent c : config.getClass().getRecordComponents()) {
            Object v;
            try {
                c.getAccessor().setAccessible(true);
                v = c.getAccessor().invoke(config);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("Component " + c + " cannot be read", e);
            }
            if (Choices.isChoice(c.getType())) {
                into.add(new Option(
                        path + c.getName() + "." + Choices.KIND,
                        ((Choice) v).kind(),
                        String.join("|", Choices.names(c.getType())),
                        "which one; each kind has components of its own"));
            }
            if (v instanceof Record inner) {
                collect(inner, path + c.getName() + ".", into);
                continue;
            }
            Doc doc = c.getAnnotation(Doc.class);
            String accepts = c.getType().isEnum()
                    ? String.join(
                            "|",
                            Arrays.stream(c.getType().getEnumConstants())
                                    .map(Object::toString)
                                    .toList())
                    : c.getGenericType().getTypeName().replaceAll("java\\.(lang|util)\\.", "");
            into.add(new Option(path + c.getName(), String.valueOf(v), accepts, doc == null ? "" : doc.value()));
        }
    }
}
