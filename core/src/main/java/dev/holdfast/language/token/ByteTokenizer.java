package dev.holdfast.language.token;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Every byte of UTF-8 is a token: ids 0 to 255, then {@link #BEGIN}, {@link #END}, {@link #PAD}, the tags of reasoning
 * and answers, and a separator. Needs no vocabulary file. Decoding bytes that are no UTF-8 loses them (U+FFFD); the ids
 * are what counts.
 */
public final class ByteTokenizer implements Tokenizer {
    public static final int BEGIN = 256;
    public static final int END = 257;
    public static final int PAD = 258;
    public static final int THINK = 259;
    public static final int THOUGHT = 260;
    public static final int ANSWER = 261;
    public static final int ANSWERED = 262;
    public static final int SEPARATOR = 263;
    public static final int SIZE = 264;

    private static final List<String> SPECIAL =
            List.of("<bos>", "<eos>", "<pad>", "<think>", "</think>", "<answer>", "</answer>", "<sep>");

    @Override
    public int[] encode(String text, boolean parseSpecial) {
        if (!parseSpecial) {
            return bytes(text);
        }
        IntStream.Builder ids = IntStream.builder();
        int from = 0;
        for (int at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) {
            for (int i = 0; i < SPECIAL.size(); i++) {
                if (text.startsWith(SPECIAL.get(i), at)) {
                    Arrays.stream(bytes(text.substring(from, at))).forEach(ids);
                    ids.add(BEGIN + i);
                    from = at + SPECIAL.get(i).length();
                }
            }
        }
        Arrays.stream(bytes(text.substring(from))).forEach(ids);
        return ids.build().toArray();
    }

    private static int[] bytes(String text) {
        byte[] b = text.getBytes(StandardCharsets.UTF_8);
        int[] ids = new int[b.length];
        for (int i = 0; i < b.length; i++) {
            ids[i] = b[i] & 0xFF;
        }
        return ids;
    }

    @Override
    public String decode(int... ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            if (id >= 0 && id < BEGIN) {
                bytes.write(id);
            } else {
                bytes.writeBytes(token(id).getBytes(StandardCharsets.UTF_8));
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    public String token(int id) {
        if (id < 0 || id >= SIZE) {
            throw new IllegalArgumentException("There is no token " + id + "; ids go from 0 to " + (SIZE - 1) + ".");
        }
        return id < BEGIN ? new String(new byte[] {(byte) id}, StandardCharsets.UTF_8) : SPECIAL.get(id - BEGIN);
    }
}
