package dev.holdfast.language.token;

import com.fasterxml.jackson.databind.JsonNode;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Steps that a tokenizer file puts before byte-pair encoding: normalizers change a text, splitters cut it up. */
final class TextStep {
    /** The pattern of GPT-2: contractions, words, numbers, other signs, white space but for the last. */
    private static final String GPT2 =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    private TextStep() {}

    /** From pieces to pieces. */
    interface Step {
        List<String> apply(List<String> pieces);
    }

    static Step normalizer(String where, JsonNode n) {
        if (n.isMissingNode() || n.isNull()) {
            return pieces -> pieces;
        }
        JsonKinds.require(where, "normalizer", n, "Prepend", "Replace", "NFC", "Sequence");
        return switch (n.path("type").asText()) {
            case "Prepend" -> {
                String start = n.path("prepend").asText();
                yield each(s -> s.isEmpty() ? s : start + s);
            }
            case "Replace" -> {
                Pattern p = pattern(where, n.path("pattern"));
                String to = Matcher.quoteReplacement(n.path("content").asText());
                yield each(s -> p.matcher(s).replaceAll(to));
            }
            case "NFC" -> each(s -> Normalizer.normalize(s, Normalizer.Form.NFC));
            default -> chain(n.path("normalizers"), inner -> normalizer(where, inner));
        };
    }

    static Step splitter(String where, JsonNode n) {
        if (n.isMissingNode() || n.isNull()) {
            return pieces -> pieces;
        }
        JsonKinds.require(where, "pre_tokenizer", n, "ByteLevel", "Split", "Sequence");
        return switch (n.path("type").asText()) {
            case "ByteLevel" ->
                byteLevel(
                        n.path("add_prefix_space").asBoolean(),
                        n.path("use_regex").asBoolean(true));
            case "Split" -> {
                String behavior = n.path("behavior").asText();
                if (!behavior.equals("Isolated") || n.path("invert").asBoolean()) {
                    throw JsonKinds.refused(
                            where,
                            "pre_tokenizer Split",
                            "behavior " + behavior + ", invert " + n.path("invert"),
                            "Isolated, not inverted");
                }
                yield split(pattern(where, n.path("pattern")));
            }
            default -> chain(n.path("pretokenizers"), inner -> splitter(where, inner));
        };
    }

    private static Step byteLevel(boolean space, boolean regex) {
        Step split = regex ? split(compile("ByteLevel", GPT2)) : pieces -> pieces;
        Step prefix = each(s -> space && !s.startsWith(" ") ? " " + s : s);
        Step bytes = each(ByteCharacters::encode);
        return pieces -> bytes.apply(split.apply(prefix.apply(pieces)));
    }

    private static Step chain(JsonNode inner, Function<JsonNode, Step> make) {
        List<Step> steps = new ArrayList<>();
        inner.forEach(n -> steps.add(make.apply(n)));
        return pieces -> {
            List<String> p = pieces;
            for (Step s : steps) {
                p = s.apply(p);
            }
            return p;
        };
    }

    private static Step each(UnaryOperator<String> change) {
        return pieces -> pieces.stream().map(change).toList();
    }

    /** Every match is a piece, and so is what lies between two. */
    private static Step split(Pattern p) {
        return pieces -> {
            List<String> out = new ArrayList<>();
            for (String s : pieces) {
                int from = 0;
                Matcher m = p.matcher(s);
                while (m.find()) {
                    if (m.end() > m.start()) {
                        add(out, s.substring(from, m.start()));
                        out.add(m.group());
                        from = m.end();
                    }
                }
                add(out, s.substring(from));
            }
            return out;
        };
    }

    private static void add(List<String> out, String piece) {
        if (!piece.isEmpty()) {
            out.add(piece);
        }
    }

    static Pattern pattern(String where, JsonNode n) {
        return n.has("Regex")
                ? compile(where, n.path("Regex").asText())
                : Pattern.compile(Pattern.quote(n.path("String").asText()));
    }

    private static Pattern compile(String where, String regex) {
        try {
            // white space and word characters as in Unicode, not as in ASCII
            return Pattern.compile(regex, Pattern.UNICODE_CHARACTER_CLASS);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    where + ": the pattern '" + regex + "' is not supported: " + e.getDescription() + ".", e);
        }
    }
}
