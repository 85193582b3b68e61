package dev.holdfast.language.token;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** From tokens back to text, as a tokenizer file says. */
interface TokenJoiner {
    Pattern BYTE = Pattern.compile("<0x([0-9A-Fa-f]{2})>");

    List<String> apply(List<String> tokens);

    default String join(List<String> tokens) {
        return String.join("", apply(tokens));
    }

    static TokenJoiner of(String where, JsonNode n) {
        if (n.isMissingNode() || n.isNull()) {
            return tokens -> tokens;
        }
        JsonKinds.require(where, "decoder", n, "ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Sequence");
        return switch (n.path("type").asText()) {
            case "ByteLevel" -> TokenJoiner::byteLevel;
            case "Replace" -> {
                Pattern p = TextStep.pattern(where, n.path("pattern"));
                String to = Matcher.quoteReplacement(n.path("content").asText());
                yield tokens ->
                        tokens.stream().map(t -> p.matcher(t).replaceAll(to)).toList();
            }
            case "ByteFallback" -> TokenJoiner::byteFallback;
            case "Fuse" -> tokens -> List.of(String.join("", tokens));
            case "Strip" -> {
                String content = n.path("content").asText();
                int start = n.path("start").asInt();
                int stop = n.path("stop").asInt();
                yield tokens -> tokens.stream()
                        .map(t -> stripped(t, content, start, stop))
                        .toList();
            }
            default -> {
                List<TokenJoiner> all = new ArrayList<>();
                n.path("decoders").forEach(inner -> all.add(of(where, inner)));
                yield tokens -> {
                    List<String> t = tokens;
                    for (TokenJoiner j : all) {
                        t = j.apply(t);
                    }
                    return t;
                };
            }
        };
    }

    private static List<String> byteLevel(List<String> tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        tokens.forEach(t -> ByteCharacters.decode(t, bytes));
        return List.of(bytes.toString(StandardCharsets.UTF_8));
    }

    private static List<String> byteFallback(List<String> tokens) {
        List<String> out = new ArrayList<>();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String t : tokens) {
            Matcher m = BYTE.matcher(t);
            if (m.matches()) {
                bytes.write(Integer.parseInt(m.group(1), 16));
            } else {
                flush(bytes, out);
                out.add(t);
            }
        }
        flush(bytes, out);
        return out;
    }

    /** Bytes that are no UTF-8 become one U+FFFD each. */
    private static void flush(ByteArrayOutputStream bytes, List<String> out) {
        byte[] b = bytes.toByteArray();
        bytes.reset();
        try {
            out.add(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(b))
                    .toString());
        } catch (CharacterCodingException e) {
            out.add("\uFFFD".repeat(b.length));
        }
    }

    private static String stripped(String t, String content, int start, int stop) {
        String s = t;
        for (int i = 0; i < start && s.startsWith(content); i++) {
            s = s.substring(content.length());
        }
        for (int i = 0; i < stop && s.endsWith(content); i++) {
            s = s.substring(0, s.length() - content.length());
        }
        return s;
    }
}
