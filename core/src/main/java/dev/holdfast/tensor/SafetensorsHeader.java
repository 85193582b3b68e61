package dev.holdfast.tensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What a safetensors file says it holds, checked in full before a byte of tensor memory is allocated: known dtypes, no
 * shape whose product overflows, byte ranges that fit their shapes and lie inside the file, no overlap, no hole, no name
 * twice. Time is linear in the header but for one sort.
 *
 * @param entries tensors by name, in the order of the header
 * @param metadata texts by name
 * @param dataStart position in the file at which offset 0 lies
 */
public record SafetensorsHeader(Map<String, Entry> entries, Map<String, String> metadata, long dataStart) {
    /** Largest header that is read, in bytes. */
    public static final long LARGEST = 100_000_000;

    private static final String METADATA = "__metadata__";
    private static final int MOST_DIMENSIONS = 64;
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(4)
                    .maxNameLength(65_536)
                    .maxStringLength((int) LARGEST)
                    .maxNumberLength(32)
                    .build())
            .build();

    /** One tensor: dtype, shape, and its bytes [begin, end) from {@link #dataStart}. */
    public record Entry(Dtype dtype, long[] shape, long begin, long end) {
        public long bytes() {
            return end - begin;
        }
    }

    /** The dtypes that are read and written; names as in the format. */
    public enum Dtype {
        F64(ScalarType.Double, 8),
        F32(ScalarType.Float, 4),
        F16(ScalarType.Half, 2),
        BF16(ScalarType.BFloat16, 2),
        I64(ScalarType.Long, 8),
        I32(ScalarType.Int, 4),
        I16(ScalarType.Short, 2),
        I8(ScalarType.Char, 1),
        U8(ScalarType.Byte, 1),
        BOOL(ScalarType.Bool, 1);

        private final ScalarType type;
        private final int bytes;

        Dtype(ScalarType type, int bytes) {
            this.type = type;
            this.bytes = bytes;
        }

        public ScalarType type() {
            return type;
        }

        /** Bytes of one number. */
        public int bytes() {
            return bytes;
        }

        static Dtype of(ScalarType type) {
            for (Dtype d : values()) {
                if (d.type == type.intern()) {
                    return d;
                }
            }
            throw new IllegalArgumentException("Tensors of dtype " + type.intern()
                    + " cannot be saved; expected one of " + Arrays.toString(values()) + ".");
        }
    }

    /** The file is damaged, or not a safetensors file; the message names the file and the entry. */
    public static final class FormatException extends IOException {
        private static final long serialVersionUID = 1;

        FormatException(String where, String what) {
            super(where + ": " + what + "\nMaybe the file is damaged or was cut off while it was copied.");
        }
    }

    /** Reads and checks a header; {@code dataBytes} is what the file holds after it. */
    static SafetensorsHeader parse(String where, byte[] header, long dataBytes) throws IOException {
        if (header.length == 0 || header[0] != '{') {
            throw new FormatException(where, "the header does not start with '{'.");
        }
        Map<String, Entry> entries = new LinkedHashMap<>();
        Map<String, String> metadata = null;
        try (JsonParser in = JSON.createParser(
                new InputStreamReader(new ByteArrayInputStream(header), StandardCharsets.UTF_8.newDecoder()))) {
            expect(where, in, in.nextToken(), JsonToken.START_OBJECT, "the header");
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String name = in.currentName();
                in.nextToken();
                if (name.equals(METADATA)) {
                    if (metadata != null) {
                        throw new FormatException(where, "the name '" + METADATA + "' occurs twice.");
                    }
                    metadata = texts(where, in);
                } else if (entries.putIfAbsent(name, entry(where, name, in, dataBytes)) != null) {
                    throw new FormatException(where, "the name '" + shown(name) + "' occurs twice.");
                }
            }
            expect(where, in, in.currentToken(), JsonToken.END_OBJECT, "the header");
            if (in.nextToken() != null) {
                throw new FormatException(where, "something follows the header's last brace.");
            }
        } catch (JsonProcessingException e) {
            throw new FormatException(where, "the header is no JSON: " + e.getOriginalMessage());
        } catch (CharacterCodingException e) {
            throw new FormatException(where, "the header is not UTF-8.");
        }
        requireCover(where, entries, dataBytes);
        return new SafetensorsHeader(entries, metadata == null ? Map.of() : metadata, 8L + header.length);
    }

    private static Map<String, String> texts(String where, JsonParser in) throws IOException {
        expect(where, in, in.currentToken(), JsonToken.START_OBJECT, "the metadata");
        Map<String, String> texts = new LinkedHashMap<>();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            expect(where, in, in.nextToken(), JsonToken.VALUE_STRING, "metadata '" + shown(name) + "'");
            if (texts.put(name, in.getText()) != null) {
                throw new FormatException(where, "metadata '" + shown(name) + "' occurs twice.");
            }
        }
        return texts;
    }

    private static Entry entry(String where, String name, JsonParser in, long dataBytes) throws IOException {
        String what = "tensor '" + shown(name) + "'";
        expect(where, in, in.currentToken(), JsonToken.START_OBJECT, what);
        Dtype dtype = null;
        long[] shape = null;
        long[] range = null;
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String field = in.currentName();
            JsonToken value = in.nextToken();
            if (field.equals("dtype") && dtype == null) {
                expect(where, in, value, JsonToken.VALUE_STRING, "dtype of " + what);
                dtype = dtype(where, what, in.getText());
            } else if (field.equals("shape") && shape == null) {
                shape = numbers(where, in, "shape of " + what, MOST_DIMENSIONS);
            } else if (field.equals("data_offsets") && range == null) {
                range = numbers(where, in, "data_offsets of " + what, 2);
            } else {
                throw new FormatException(where, what + " has the field '" + shown(field) + "' twice or by mistake.");
            }
        }
        if (dtype == null || shape == null || range == null || range.length != 2) {
            throw new FormatException(where, what + " needs a dtype, a shape and two data_offsets.");
        }
        long bytes = bytes(where, what, dtype, shape);
        if (range[0] > range[1] || range[1] > dataBytes) {
            throw new FormatException(
                    where,
                    what + " claims the bytes " + range[0] + " to " + range[1] + " but the file holds " + dataBytes
                            + ".");
        }
        if (range[1] - range[0] != bytes) {
            throw new FormatException(
                    where,
                    what + " of shape " + Arrays.toString(shape) + " and dtype " + dtype + " takes " + bytes
                            + " bytes but its data_offsets span " + (range[1] - range[0]) + ".");
        }
        return new Entry(dtype, shape, range[0], range[1]);
    }

    private static Dtype dtype(String where, String what, String text) throws FormatException {
        for (Dtype d : Dtype.values()) {
            if (d.name().equals(text)) {
                return d;
            }
        }
        throw new FormatException(
                where,
                what + " has dtype '" + shown(text) + "'; expected one of " + Arrays.toString(Dtype.values()) + ".");
    }

    private static long[] numbers(String where, JsonParser in, String what, int most) throws IOException {
        expect(where, in, in.currentToken(), JsonToken.START_ARRAY, what);
        long[] n = new long[4];
        int count = 0;
        while (in.nextToken() != JsonToken.END_ARRAY) {
            expect(where, in, in.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
            if (count == most) {
                throw new FormatException(where, what + " has more than " + most + " numbers.");
            }
            n = count == n.length ? Arrays.copyOf(n, 2 * count) : n;
            n[count] = in.getLongValue();
            if (n[count] < 0) {
                throw new FormatException(where, what + " has the negative number " + n[count] + ".");
            }
            count++;
        }
        return Arrays.copyOf(n, count);
    }

    private static long bytes(String where, String what, Dtype dtype, long[] shape) throws FormatException {
        // a dimension of 0 makes the product 0 but must not hide others that overflow
        long all = dtype.bytes();
        boolean empty = false;
        try {
            for (long s : shape) {
                empty |= s == 0;
                all = Math.multiplyExact(all, Math.max(1, s));
            }
        } catch (ArithmeticException e) {
            throw new FormatException(
                    where, what + " has the shape " + Arrays.toString(shape) + ", whose size overflows.");
        }
        return empty ? 0 : all;
    }

    private static void requireCover(String where, Map<String, Entry> entries, long dataBytes) throws FormatException {
        List<Map.Entry<String, Entry>> byPlace = new ArrayList<>(entries.entrySet());
        byPlace.sort(Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin)
                .thenComparingLong(e -> e.getValue().end));
        long at = 0;
        for (Map.Entry<String, Entry> e : byPlace) {
            if (e.getValue().begin != at) {
                throw new FormatException(
                        where,
                        "tensor '" + shown(e.getKey()) + "' begins at byte " + e.getValue().begin
                                + " but the one before it ends at " + at
                                + (e.getValue().begin < at ? ": they overlap." : ": there is a hole."));
            }
            at = e.getValue().end;
        }
        if (at != dataBytes) {
            throw new FormatException(
                    where, "the tensors end at byte " + at + " but the file holds " + dataBytes + ".");
        }
    }

    private static void expect(String where, JsonParser in, JsonToken found, JsonToken wanted, String what)
            throws FormatException {
        if (found != wanted) {
            throw new FormatException(
                    where,
                    what + " should be " + wanted + " but is " + found + " at byte "
                            + in.currentLocation().getByteOffset() + " of the header.");
        }
    }

    /** Names come from the file: long ones are cut, so that a message stays a message. */
    private static String shown(String name) {
        return name.length() <= 80 ? name : name.substring(0, 80) + "...";
    }
}
