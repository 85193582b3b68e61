package dev.holdfast.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.tensor.SafetensorsHeader.Dtype;
import dev.holdfast.tensor.SafetensorsHeader.FormatException;
import dev.holdfast.testing.NativeTry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.bytedeco.pytorch.global.torch.ScalarType;

@AddLifecycleHook(NativeTry.class)
class SafetensorsCorruptionTest {
    private Path file;

    @BeforeProperty
    void makeFile() throws IOException {
        file = Files.createTempFile("holdfast", ".safetensors");
    }

    @AfterProperty
    void removeFile() throws IOException {
        Files.deleteIfExists(file);
    }

    record Part(String name, Dtype dtype, List<Integer> shape) {}

    @Provide
    Arbitrary<List<Part>> parts() {
        return Combinators.combine(
                        Arbitraries.strings()
                                .ofMinLength(1)
                                .ofMaxLength(12)
                                .excludeChars('\uFFFF')
                                .alpha()
                                .numeric()
                                .withChars("._ \"\\/é€\n"),
                        Arbitraries.of(Dtype.class),
                        Arbitraries.integers().between(0, 4).list().ofMaxSize(3))
                .as(Part::new)
                .list()
                .ofMaxSize(6)
                .uniqueElements(Part::name);
    }

    @Property(tries = 200)
    void whatIsWrittenIsRead(@ForAll("parts") List<Part> parts, @ForAll @Size(max = 3) List<String> texts)
            throws IOException {
        State state = state(parts);
        for (int i = 0; i < texts.size(); i++) {
            String paired = new String(
                    texts.get(i).getBytes(java.nio.charset.StandardCharsets.UTF_8),
                    java.nio.charset.StandardCharsets.UTF_8);
            state.put("text." + i, paired);
        }
        Safetensors.write(file, state);
        assertThat(Safetensors.read(file).sameAs(state)).isTrue();
    }

    @Property(tries = 1000)
    void aChangedHeaderIsReadOrRefusedButNeverMore(
            @ForAll("parts") List<Part> parts,
            @ForAll @Size(min = 1, max = 3) List<@IntRange(max = 1 << 30) Integer> where,
            @ForAll byte value)
            throws IOException {
        Safetensors.write(file, state(parts));
        byte[] bytes = Files.readAllBytes(file);
        for (int w : where) {
            bytes[w % bytes.length] = value;
        }
        Files.write(file, bytes);
        requireReadOrRefused(bytes.length);
    }

    @Property(tries = 500)
    void aCutOrLengthenedFileIsRefused(
            @ForAll("parts") List<Part> parts, @ForAll @IntRange(min = 0, max = 4000) int size) throws IOException {
        Safetensors.write(file, state(parts));
        byte[] bytes = Files.readAllBytes(file);
        byte[] other = Arrays.copyOf(bytes, size);
        Files.write(file, other);
        if (size == bytes.length) {
            Safetensors.read(file);
            return;
        }
        try {
            Safetensors.read(file);
            throw new AssertionError("A file of another length was read.");
        } catch (FormatException e) {
            assertThat(e).hasMessageContaining(file.toString());
        }
    }

    @Property(tries = 500)
    void noiseIsRefused(@ForAll @Size(max = 300) byte[] noise) throws IOException {
        Files.write(file, noise);
        requireReadOrRefused(noise.length);
    }

    private void requireReadOrRefused(int length) throws IOException {
        try {
            State read = Safetensors.read(file);
            long bytes =
                    read.tensors().values().stream().mapToLong(t -> t.nbytes()).sum();
            assertThat(bytes).isLessThanOrEqualTo(length);
        } catch (FormatException e) {
            assertThat(e).hasMessageContaining(file.toString());
        }
    }

    private static State state(List<Part> parts) {
        State s = new State();
        for (int i = 0; i < parts.size(); i++) {
            Part p = parts.get(i);
            long[] shape = p.shape.stream().mapToLong(Integer::longValue).toArray();
            s.put(
                    p.name,
                    Rng.of(i)
                            .uniform(ScalarType.Double, shape)
                            .mul(Tensors.scalar(100))
                            .to(p.dtype.type()));
        }
        return s;
    }
}
