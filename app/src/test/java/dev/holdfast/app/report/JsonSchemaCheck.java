package dev.holdfast.app.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The part of JSON Schema that the committed schema uses; a keyword it does not know is an error, never passed over. */
public final class JsonSchemaCheck {
    private static final Set<String> KNOWN = Set.of(
            "$schema",
            "$id",
            "$defs",
            "$ref",
            "title",
            "description",
            "type",
            "enum",
            "properties",
            "required",
            "additionalProperties",
            "items");

    private final JsonNode root;
    private final List<String> problems = new ArrayList<>();

    private JsonSchemaCheck(JsonNode root) {
        this.root = root;
    }

    /** What does not fit, each with its place; empty if all fits. */
    public static List<String> problems(JsonNode schema, JsonNode value) {
        JsonSchemaCheck c = new JsonSchemaCheck(schema);
        c.check(schema, value, "$");
        return c.problems;
    }

    private void check(JsonNode schema, JsonNode value, String at) {
        schema.fieldNames().forEachRemaining(k -> {
            if (!KNOWN.contains(k)) {
                throw new IllegalArgumentException("The check does not know the keyword '" + k + "' at " + at);
            }
        });
        if (schema.has("$ref")) {
            check(root.at(schema.get("$ref").asText().substring(1)), value, at);
            return;
        }
        if (schema.has("type") && !fits(schema.get("type"), value)) {
            problems.add(at + " is " + value.getNodeType() + ", expected " + schema.get("type"));
            return;
        }
        if (schema.has("enum")) {
            boolean found = false;
            for (JsonNode e : schema.get("enum")) {
                found |= e.equals(value);
            }
            if (!found) {
                problems.add(at + " is " + value + ", expected one of " + schema.get("enum"));
            }
        }
        if (value.isObject() && schema.has("properties")) {
            schema.path("required").forEach(r -> {
                if (!value.has(r.asText())) {
                    problems.add(at + " lacks " + r.asText());
                }
            });
            value.properties().forEach(e -> {
                JsonNode inner = schema.get("properties").get(e.getKey());
                if (inner != null) {
                    check(inner, e.getValue(), at + "." + e.getKey());
                } else if (!schema.path("additionalProperties").asBoolean(true)) {
                    problems.add(at + " has " + e.getKey() + ", which is not described");
                }
            });
        }
        if (value.isArray() && schema.has("items")) {
            for (int i = 0; i < value.size(); i++) {
                check(schema.get("items"), value.get(i), at + "[" + i + "]");
            }
        }
    }

    private static boolean fits(JsonNode type, JsonNode v) {
        if (type.isArray()) {
            for (JsonNode t : type) {
                if (fits(t, v)) {
                    return true;
                }
            }
            return false;
        }
        return switch (type.asText()) {
            case "object" -> v.isObject();
            case "array" -> v.isArray();
            case "string" -> v.isTextual();
            case "boolean" -> v.isBoolean();
            case "integer" -> v.isIntegralNumber();
            case "number" -> v.isNumber();
            case "null" -> v.isNull();
            default -> throw new IllegalArgumentException("unknown type " + type);
        };
    }
}
