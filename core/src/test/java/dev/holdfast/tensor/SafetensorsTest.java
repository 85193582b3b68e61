package dev.holdfast.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.SafetensorsHeader.Dtype;
import dev.holdfast.tensor.SafetensorsHeader.FormatException;
import dev.holdfast.testing.NativeMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NativeMemory.class)
class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void everyDtypeComesBackToTheBit() throws IOException {
        State state = new State().put("note", "grüße \"quoted\" \n").put("pi", Math.PI);
        Tensor base = Rng.of(1)
                .normal(ScalarType.Double, 3, 5)
                .mul(Tensors.scalar(50))
                .abs();
        for (Dtype d : Dtype.values()) {
            state.put("t." + d, base.to(d.type()));
        }
        state.put("transposed", base.t())
                .put("scalar", Tensors.scalarLike(base, 2))
                .put("none", Tensors.zeros(ScalarType.Float, 0, 7));
        Path file = folder.resolve("all.safetensors");
        Safetensors.write(file, state);
        State back = Safetensors.read(file);
        assertThat(back.sameAs(state)).isTrue();
        assertThat(back.number("pi")).isEqualTo(Math.PI);
        assertThat(Tensors.doubles(Safetensors.read(file, "transposed"))).containsExactly(Tensors.doubles(base.t()));
        assertThatThrownBy(() -> Safetensors.read(file, "nobody")).hasMessageContaining("t.F64");
    }

    @Test
    void equalStatesGiveEqualBytesAlignedForMapping() throws IOException {
        State state = new State()
                .put("byte", Tensors.ofBytes(new byte[] {1, 2, 3}, 3))
                .put("number", Tensors.of(new double[] {1, 2}, 2));
        Safetensors.write(folder.resolve("a"), state);
        Safetensors.write(folder.resolve("b"), state.copy());
        assertThat(folder.resolve("b")).hasSameBinaryContentAs(folder.resolve("a"));
        SafetensorsHeader h = Safetensors.header(folder.resolve("a"));
        assertThat(h.dataStart() % 8).isZero();
        assertThat(h.entries().get("number").begin()).isZero();
        assertThat(h.entries().keySet()).containsExactly("byte", "number");
    }

    @Test
    void bytesAreThoseOfTheFormat() throws IOException {
        Path file = folder.resolve("fixed");
        Safetensors.write(
                file, new State().put("a", Tensors.of(new float[] {1}, 1)).put("k", "v"));
        String json = "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
        byte[] padded = Arrays.copyOf(json.getBytes(StandardCharsets.UTF_8), (json.length() + 7) / 8 * 8);
        Arrays.fill(padded, json.length(), padded.length, (byte) ' ');
        assertThat(Files.readAllBytes(file))
                .isEqualTo(file(new String(padded, StandardCharsets.UTF_8), 0, 0, -128, 63));
    }

    @Test
    void anUnfinishedWriteLeavesTheOldFile() throws IOException {
        Path file = folder.resolve("model");
        Safetensors.write(file, new State().put("a", Tensors.of(new float[] {1}, 1)));
        byte[] before = Files.readAllBytes(file);
        assertThatThrownBy(() -> AtomicFile.write(file, out -> {
                    out.write(ByteBuffer.wrap(new byte[100]));
                    throw new IOException("disk full");
                }))
                .hasMessage("disk full");
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
        try (Stream<Path> all = Files.list(folder)) {
            assertThat(all).containsExactly(file);
        }
    }

    static Stream<String[]> damaged() {
        String big = "4611686018427387904";
        return Stream.of(
                new String[] {"overflowing product", entry("F32", big + ",4", 0, 0), "overflows"},
                new String[] {"overflow hidden by zero", entry("F32", "0," + big + "," + big, 0, 0), "overflows"},
                new String[] {"number beyond long", entry("F32", "99999999999999999999", 0, 0), "JSON"},
                new String[] {"negative size", entry("F32", "-1", 0, 8), "negative"},
                new String[] {"fraction", entry("F32", "1.5", 0, 8), "VALUE_NUMBER_INT"},
                new String[] {"too short for its shape", entry("F32", "3", 0, 8), "12 bytes"},
                new String[] {"beyond the file", entry("F32", "4", 0, 16), "holds 8"},
                new String[] {"backwards", entry("F32", "0", 8, 4), "8 to 4"},
                new String[] {"hole at the front", entry("F32", "1", 4, 8), "hole"},
                new String[] {"bytes left over", entry("F32", "1", 0, 4), "end at byte 4"},
                new String[] {"unknown dtype", entry("F8_E4M3", "8", 0, 8), "F8_E4M3"},
                new String[] {"overlap", two("0,8", "4,8", "2", "1"), "overlap"},
                new String[] {"empty tensor inside another", two("0,8", "4,4", "2", "0"), "overlap"},
                new String[] {
                    "name twice", "{" + inner("a", "F32", "1", 0, 4) + "," + inner("a", "F32", "1", 4, 8) + "}", "twice"
                },
                new String[] {
                    "field twice",
                    "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                    "dtype"
                },
                new String[] {"field missing", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "needs a dtype"},
                new String[] {
                    "field unknown", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", "'x'"
                },
                new String[] {
                    "three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", "more than 2"
                },
                new String[] {"not an object", "[1]     ", "'{'"},
                new String[] {"leading blank", " {}", "'{'"},
                new String[] {"cut JSON", "{\"a\":{\"dtype\":\"F32\"", "JSON"},
                new String[] {"trailing text", "{} {}", "follows"},
                new String[] {"metadata not text", "{\"__metadata__\":{\"a\":1}}", "metadata 'a'"},
                new String[] {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", "twice"},
                new String[] {"deep nesting", "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", "START_OBJECT"},
                new String[] {"many dimensions", entry("F32", "1,".repeat(99) + "2", 0, 8), "more than 64"});
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damaged")
    void damageIsNamedBeforeAnythingIsAllocated(String what, String header, String message) throws IOException {
        Path file = folder.resolve("bad");
        Files.write(file, file(header, 1, 2, 3, 4, 5, 6, 7, 8));
        try (Scope s = Scope.capped(0)) {
            assertThatThrownBy(() -> Safetensors.read(file))
                    .isInstanceOf(FormatException.class)
                    .hasMessageContaining(file.toString())
                    .hasMessageContaining(message);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_001L, 17, 3})
    void aWrongHeaderLengthIsRefused(long length) throws IOException {
        Path file = folder.resolve("bad");
        byte[] bytes = file("{}      ", 0, 0, 0, 0, 0, 0, 0, 0);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Files.write(file, bytes);
        assertThatThrownBy(() -> Safetensors.read(file)).isInstanceOf(FormatException.class);
    }

    @Test
    void shortFilesAreRefused() throws IOException {
        byte[] whole = file(entry("F32", "2", 0, 8), 0, 0, 0, 0, 0, 0, 0, 0);
        Path file = folder.resolve("cut");
        for (int n = 0; n < whole.length; n++) {
            Files.write(file, Arrays.copyOf(whole, n));
            assertThatThrownBy(() -> Safetensors.read(file)).isInstanceOf(FormatException.class);
        }
    }

    @Test
    void aHundredThousandEntriesAreReadInTheirStride() throws IOException {
        StringBuilder json = new StringBuilder("{");
        int n = 100_000;
        for (int i = 0; i < n; i++) {
            json.append(i == 0 ? "" : ",").append(inner("layer." + i, "U8", "1", i, i + 1));
        }
        Path file = folder.resolve("many");
        Files.write(file, file(json.append("}").toString(), new int[n]));
        assertThat(Safetensors.header(file).entries()).hasSize(n);
        assertThat(Tensors.doubles(Safetensors.read(file, "layer.99999"))).containsExactly(0);
    }

    @Test
    void boolsAreZeroOrOne() throws IOException {
        Path file = folder.resolve("bool");
        Files.write(file, file(entry("BOOL", "2", 0, 2), 1, 2));
        assertThatThrownBy(() -> Safetensors.read(file)).hasMessageContaining("BOOL");
    }

    static byte[] file(String header, int... data) {
        byte[] h = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer b = ByteBuffer.allocate(8 + h.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(h.length).put(h);
        for (int d : data) {
            b.put((byte) d);
        }
        return b.array();
    }

    private static String entry(String dtype, String shape, long begin, long end) {
        return "{" + inner("a", dtype, shape, begin, end) + "}";
    }

    private static String inner(String name, String dtype, String shape, long begin, long end) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape + "],\"data_offsets\":[" + begin
                + "," + end + "]}";
    }

    private static String two(String first, String second, String firstShape, String secondShape) {
        return "{\"a\":{\"dtype\":\"F32\",\"shape\":[" + firstShape + "],\"data_offsets\":[" + first
                + "]},\"b\":{\"dtype\":\"F32\",\"shape\":[" + secondShape + "],\"data_offsets\":[" + second + "]}}";
    }
}
