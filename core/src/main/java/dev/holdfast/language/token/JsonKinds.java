package dev.holdfast.language.token;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;

/** Refusals of what a tokenizer file asks for and is not supported. */
final class JsonKinds {
    private JsonKinds() {}

    static void require(String where, String part, JsonNode node, String... known) {
        String type = node.path("type").asText("");
        if (!Arrays.asList(known).contains(type)) {
            throw refused(where, part, "'" + type + "'", String.join(", ", known));
        }
    }

    static IllegalArgumentException refused(String where, String part, String found, String known) {
        return new IllegalArgumentException(
                where + ": " + part + " " + found + " is not supported; expected " + known + ".");
    }
}
