package dev.holdfast.data.table;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.data.DataException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Finds the line of a JSON-lines file that the fast reader stumbled over. */
final class JsonScan {
    private JsonScan() {}

    /** Walks the whole file and throws at the first line that is no JSON object; returns if all are. */
    static void diagnose(Path file) {
        ObjectMapper json = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        try (CsvScan lines = CsvScan.open(file, -1)) {
            for (List<String> record; (record = lines.next()) != null; ) {
                String text = record.get(0);
                if (text.isBlank()) {
                    continue;
                }
                String where = file + ", line " + lines.line();
                JsonNode node;
                try {
                    node = json.readTree(text);
                } catch (JsonProcessingException e) {
                    throw DataException.at(
                            where,
                            "This is no JSON: "
                                    + e.getOriginalMessage().lines().findFirst().orElse("") + ".",
                            "one whole JSON object a line",
                            "Maybe an object is spread over several lines, or the file was cut off.",
                            e);
                }
                if (!node.isObject()) {
                    throw DataException.at(
                            where,
                            "The line holds " + node.getNodeType().toString().toLowerCase(Locale.ROOT) + ".",
                            "one JSON object a line",
                            null);
                }
            }
        }
    }
}
