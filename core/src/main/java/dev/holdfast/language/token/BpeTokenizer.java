package dev.holdfast.language.token;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The tokenizer of a published checkpoint, read from its {@code tokenizer.json}: byte-pair encoding with what Llama, Qwen
 * and Mistral need around it. A part of the file that is not supported is refused by name, never passed over.
 *
 * <p>A text goes through these steps: added tokens are cut out (leftmost, then longest), the rest is normalised, split
 * into pieces, and every piece is encoded; the template (a begin token, say) goes around it.
 */
public final class BpeTokenizer implements Tokenizer {
    private record Added(int id, String content, boolean special, boolean left, boolean right) {}

    private final BytePairs pairs;
    private final List<Added> added;
    private final TextStep.Step normalizer;
    private final TextStep.Step splitter;
    private final TokenJoiner joiner;
    private final List<Integer> before;
    private final List<Integer> after;
    private final Map<Integer, String> tokens = new HashMap<>();
    private final int size;

    private BpeTokenizer(String where, JsonNode json) {
        JsonNode model = json.path("model");
        JsonKinds.require(where, "model", model, "BPE");
        for (String unsupported : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
            JsonNode v = model.path(unsupported);
            if (!(v.isMissingNode() || v.isNull() || v.asText().isEmpty() || v.isNumber() && v.asDouble() == 0)) {
                throw JsonKinds.refused(where, "model." + unsupported, v.toString(), "null");
            }
        }
        Map<String, Integer> vocabulary = new HashMap<>();
        model.path("vocab").properties().forEach(e -> {
            vocabulary.put(e.getKey(), e.getValue().asInt());
            tokens.put(e.getValue().asInt(), e.getKey());
        });
        String unknown = model.path("unk_token").asText("");
        pairs = new BytePairs(
                vocabulary,
                BytePairs.ranked(where, vocabulary, merges(where, model.path("merges"))),
                model.path("unk_token").isNull() ? -1 : vocabulary.getOrDefault(unknown, -1),
                model.path("fuse_unk").asBoolean(false),
                model.path("byte_fallback").asBoolean(false),
                model.path("ignore_merges").asBoolean(false));
        normalizer = TextStep.normalizer(where, json.path("normalizer"));
        splitter = TextStep.splitter(where, json.path("pre_tokenizer"));
        joiner = TokenJoiner.of(where, json.path("decoder"));
        added = added(where, json);
        added.forEach(a -> tokens.put(a.id, a.content));
        before = new ArrayList<>();
        after = new ArrayList<>();
        template(where, json.path("post_processor"));
        size = tokens.keySet().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1;
    }

    /** Reads a {@code tokenizer.json}. */
    public static BpeTokenizer read(Path file) throws IOException {
        return parse(file.toString(), Files.readString(file));
    }

    /**
     * Reads the text of a {@code tokenizer.json}.
     *
     * @param where named in errors
     * @throws IllegalArgumentException if something in it is not supported
     */
    public static BpeTokenizer parse(String where, String text) throws IOException {
        try {
            return new BpeTokenizer(where, new ObjectMapper().readTree(text));
        } catch (JsonProcessingException e) {
            throw new IOException(where + " is no JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static List<String[]> merges(String where, JsonNode list) {
        List<String[]> all = new ArrayList<>();
        for (JsonNode m : list) {
            String[] p = m.isArray() && m.size() == 2
                    ? new String[] {m.get(0).asText(), m.get(1).asText()}
                    : m.asText().split(" ", 2);
            if (p.length != 2) {
                throw new IllegalArgumentException(where + ": merge " + all.size() + " is no pair: " + m + ".");
            }
            all.add(p);
        }
        return all;
    }

    private static List<Added> added(String where, JsonNode json) {
        boolean normalizes = json.path("normalizer").isObject();
        List<Added> all = new ArrayList<>();
        for (JsonNode a : json.path("added_tokens")) {
            String content = a.path("content").asText();
            if (content.isEmpty()
                    || a.path("single_word").asBoolean()
                    || normalizes && a.path("normalized").asBoolean()) {
                throw new IllegalArgumentException(where + ": added token '" + content
                        + "' is empty, a single word or looked for in normalised text, which is not supported.");
            }
            all.add(new Added(
                    a.path("id").asInt(),
                    content,
                    a.path("special").asBoolean(),
                    a.path("lstrip").asBoolean(),
                    a.path("rstrip").asBoolean()));
        }
        return all;
    }

    private void template(String where, JsonNode p) {
        if (p.isMissingNode() || p.isNull()) {
            return;
        }
        JsonKinds.require(where, "post_processor", p, "TemplateProcessing", "ByteLevel", "Sequence");
        // ByteLevel only moves offsets, which are not kept here
        p.path("processors").forEach(inner -> template(where, inner));
        List<Integer> into = before;
        for (JsonNode part : p.path("single")) {
            JsonNode special = part.path("SpecialToken");
            if (special.isMissingNode()) {
                into = after;
                continue;
            }
            for (JsonNode id :
                    p.path("special_tokens").path(special.path("id").asText()).path("ids")) {
                into.add(id.asInt());
            }
        }
    }

    @Override
    public int[] encode(String text, boolean parseSpecial) {
        return encode(text, parseSpecial, true);
    }

    /** As {@link #encode(String, boolean)}; {@code template} false leaves out what the file puts around a text. */
    public int[] encode(String text, boolean parseSpecial, boolean template) {
        List<Integer> ids = new ArrayList<>(template ? before : List.of());
        int from = 0;
        for (int at = 0; at < text.length(); ) {
            Added a = longest(text, at, parseSpecial);
            if (a == null) {
                at++;
                continue;
            }
            int end = at + a.content.length();
            int start = at;
            while (a.left && start > from && Character.isWhitespace(text.charAt(start - 1))) {
                start--;
            }
            while (a.right && end < text.length() && Character.isWhitespace(text.charAt(end))) {
                end++;
            }
            plain(text.substring(from, start), ids);
            ids.add(a.id);
            from = end;
            at = end;
        }
        plain(text.substring(from), ids);
        if (template) {
            ids.addAll(after);
        }
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    private Added longest(String text, int at, boolean parseSpecial) {
        Added best = null;
        for (Added a : added) {
            if ((parseSpecial || !a.special)
                    && text.startsWith(a.content, at)
                    && (best == null || a.content.length() > best.content.length())) {
                best = a;
            }
        }
        return best;
    }

    private void plain(String text, List<Integer> ids) {
        if (text.isEmpty()) {
            return;
        }
        List<String> normal = normalizer.apply(List.of(text));
        for (String piece : splitter.apply(normal)) {
            pairs.encode(piece, ids);
        }
    }

    @Override
    public String decode(int... ids) {
        List<String> all = new ArrayList<>();
        for (int id : ids) {
            all.add(token(id));
        }
        return joiner.join(all);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public String token(int id) {
        String t = tokens.get(id);
        if (t == null) {
            throw new IllegalArgumentException("There is no token " + id + "; ids go up to " + (size - 1) + ".");
        }
        return t;
    }
}
