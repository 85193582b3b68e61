package dev.holdfast.language.token;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The printable stand-ins for bytes that byte-level vocabularies are written in: 33-126, 161-172 and 174-255 stand for
 * themselves, the other 68 bytes for U+0100 and what follows, in order.
 */
final class ByteCharacters {
    private static final char[] OF_BYTE = new char[256];
    private static final int[] OF_CHARACTER = new int[256 + 68];

    static {
        Arrays.fill(OF_CHARACTER, -1);
        char next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= 33 && b <= 126 || b >= 161 && b <= 172 || b >= 174;
            OF_BYTE[b] = printable ? (char) b : next++;
            OF_CHARACTER[OF_BYTE[b]] = b;
        }
    }

    private ByteCharacters() {}

    static String encode(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        StringBuilder s = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            s.append(OF_BYTE[b & 0xFF]);
        }
        return s.toString();
    }

    /** The bytes of a token; one with other characters stands for itself. */
    static void decode(String token, ByteArrayOutputStream into) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < token.length(); i++) {
            char c = token.charAt(i);
            if (c >= OF_CHARACTER.length || OF_CHARACTER[c] < 0) {
                into.writeBytes(token.getBytes(StandardCharsets.UTF_8));
                return;
            }
            bytes.write(OF_CHARACTER[c]);
        }
        into.writeBytes(bytes.toByteArray());
    }
}
