package dev.holdfast.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.DataException;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdxFilesTest {
    @TempDir
    Path dir;

    private final byte[] pixels = new byte[4 * 2 * 3];

    @BeforeEach
    void ramp() {
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (i * 11);
        }
    }

    private Path images(String name) throws IOException {
        SampleMaker.write(dir.resolve(name), pixels, 4, 2, 3);
        return dir.resolve(name);
    }

    private Path labels(String name, int... y) throws IOException {
        byte[] b = new byte[y.length];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) y[i];
        }
        SampleMaker.write(dir.resolve(name), b, b.length);
        return dir.resolve(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".gz"})
    void imagesAreKeptAsBytesAndReadAsFractions(String ending) throws IOException {
        MemoryDataset d = IdxFiles.read(images("x" + ending), labels("y" + ending, 0, 2, 1, 2), null);
        assertThat(d.size()).isEqualTo(4);
        assertThat(d.schema().x().shape()).containsExactly(1L, 2L, 3L);
        assertThat(d.schema().classes().size()).isEqualTo(3);
        assertThat(d.classIds()).containsExactly(0, 2, 1, 2);
        try (Scope s = Scope.open()) {
            Tensor raw = d.rows(0, 1, 2, 3).inputs().tensor("x");
            assertThat(Tensors.bytes(raw)).isEqualTo(pixels);
            float[] x = Tensors.floats(d.rows(3).inputs().x());
            assertThat(x[5]).isEqualTo((pixels[23] & 0xFF) * (float) (1 / 255.0));
        }
    }

    @Test
    void aWrongMagicNumberIsShown() throws IOException {
        Path x = dir.resolve("x");
        Files.write(x, new byte[] {0x50, 0x4b, 3, 4, 0, 0, 0, 1});
        assertThatThrownBy(() -> IdxFiles.read(x, labels("y", 0, 1, 0, 1), null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(x.toString())
                .hasMessageContaining("50 4b 03 04")
                .hasMessageContaining("00 00 08");
    }

    @Test
    void labelsInPlaceOfImagesAreTold() throws IOException {
        Path y = labels("y", 0, 1, 0, 1);
        assertThatThrownBy(() -> IdxFiles.read(y, y, null)).hasMessageContaining("file of labels");
    }

    @Test
    void aTruncatedGzipIsRefusedAtEveryLength() throws IOException {
        byte[] whole = Files.readAllBytes(images("x.gz"));
        for (int n = 0; n < whole.length; n++) {
            Path cut = dir.resolve("cut.gz");
            Files.write(cut, Arrays.copyOf(whole, n));
            assertThatThrownBy(() -> IdxFiles.read(cut, 3, 3))
                    .as("%d bytes", n)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("cut.gz");
        }
    }

    @Test
    void aTruncatedPlainFileIsRefusedAtEveryLength() throws IOException {
        byte[] whole = Files.readAllBytes(images("x"));
        for (int n = 0; n < whole.length; n++) {
            Path cut = dir.resolve("cut");
            Files.write(cut, Arrays.copyOf(whole, n));
            assertThatThrownBy(() -> IdxFiles.read(cut, 3, 3)).as("%d bytes", n).isInstanceOf(DataException.class);
        }
    }

    @Test
    void bytesAfterTheLastRowAreRefused() throws IOException {
        Path x = images("x");
        byte[] whole = Files.readAllBytes(x);
        Files.write(x, Arrays.copyOf(whole, whole.length + 1));
        assertThatThrownBy(() -> IdxFiles.read(x, 3, 3)).hasMessageContaining("more than the 24 bytes");
    }

    @Test
    void aHeaderThatAnnouncesMoreThanTheFileCanHoldTakesNoMemory() throws IOException {
        Path x = dir.resolve("x");
        Files.write(x, new byte[] {0, 0, 8, 3, 0x7f, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 1, 0});
        assertThatThrownBy(() -> IdxFiles.read(x, 3, 3)).hasMessageContaining("The header announces");
        Files.write(x, new byte[] {0, 0, 8, 3, 0x7f, 0, 0, 0, 0x7f, 0, 0x7f, 0, 0x7f, 0, 1, 0});
        assertThatThrownBy(() -> IdxFiles.read(x, 3, 3)).hasMessageContaining("overflow");
    }

    @Test
    void labelsMustFitTheImagesAndTheClasses() throws IOException {
        Path x = images("x");
        assertThatThrownBy(() -> IdxFiles.read(x, labels("y", 0, 1, 1), null))
                .hasMessageContaining("3 labels for 4 images");
        assertThatThrownBy(() -> IdxFiles.read(x, labels("y", 0, 1, 2, 1), List.of("a", "b")))
                .hasMessageContaining("row 2")
                .hasMessageContaining("from 0 to 1");
        assertThatThrownBy(() -> IdxFiles.read(x, labels("y", 1, 1, 1, 1), null))
                .hasMessageContaining("at least two classes");
    }

    @Test
    void theSampleIsBalanced() {
        assertThat(Splits.counts(BundledSample.train().classIds()).values())
                .hasSize(10)
                .containsOnly(1000);
        assertThat(Splits.counts(BundledSample.test().classIds()).values())
                .hasSize(10)
                .containsOnly(200);
        assertThat(BundledSample.train().schema().classes().columns().get(9).name())
                .isEqualTo("Ankle boot");
    }

    @Test
    void theSampleIsTheFirstImagesOfEachClassOfTheFullSet() throws IOException {
        String data = System.getenv("HOLDFAST_DATA");
        Assumptions.assumeTrue(data != null, "HOLDFAST_DATA is not set");
        Path full = Path.of(data, "fashion-mnist");
        Assumptions.assumeTrue(Files.isDirectory(full), "there is no Fashion-MNIST in HOLDFAST_DATA");
        SampleMaker.main(new String[] {full.toString(), dir.toString(), "1000", "200"});
        for (MemoryDataset[] pair : new MemoryDataset[][] {
            {BundledSample.train(), IdxFiles.Four.in(dir).read(null).get(0)},
            {BundledSample.test(), IdxFiles.Four.in(dir).read(null).get(1)}
        }) {
            assertThat(pair[0].withSchema(pair[1].schema()).fingerprint()).isEqualTo(pair[1].fingerprint());
        }
    }

    @Test
    void aSetWithMissingFilesIsNotTakenForAnAbsentOne() throws IOException {
        assertThat(IdxFiles.Four.in(dir)).isNull();
        images("train-images-idx3-ubyte.gz");
        assertThatThrownBy(() -> IdxFiles.Four.in(dir)).hasMessageContaining("t10k-labels-idx1-ubyte");
    }
}
