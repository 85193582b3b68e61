package dev.holdfast.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
    @TempDir
    Path dir;

    private void grey(String name, int w, int h, int value) throws IOException {
        BufferedImage i = new BufferedImage(w, h, BufferedImage.TYPE_BYTE_GRAY);
        for (int k = 0; k < w * h; k++) {
            i.getRaster().setSample(k % w, k / w, 0, value + k);
        }
        save(i, name);
    }

    private void save(BufferedImage i, String name) throws IOException {
        Path f = dir.resolve(name);
        Files.createDirectories(f.getParent());
        ImageIO.write(i, name.substring(name.lastIndexOf('.') + 1), f.toFile());
    }

    private MemoryDataset read() {
        return ImageFolder.read(dir, null, DataOptions.defaults(), Progress.NONE);
    }

    @Test
    void greyImagesKeepTheirExactValues() throws IOException {
        grey("cat/2.png", 3, 2, 100);
        grey("cat/1.png", 3, 2, 10);
        grey("ant/x.png", 3, 2, 200);
        MemoryDataset d = read();
        assertThat(d.schema().x().shape()).containsExactly(1L, 2L, 3L);
        assertThat(d.schema().classes().columns()).extracting(c -> c.name()).containsExactly("ant", "cat");
        assertThat(d.classIds()).containsExactly(0, 1, 1);
        try (Scope s = Scope.open()) {
            assertThat(Tensors.longs(d.rows(0, 1).inputs().tensor("x")))
                    .containsExactly(200, 201, 202, 203, 204, 205, 10, 11, 12, 13, 14, 15);
        }
    }

    @Test
    void oneColourImageMakesThreeChannelsOfAll() throws IOException {
        grey("a/1.png", 1, 1, 50);
        BufferedImage red = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
        red.setRGB(0, 0, 0xFF8001);
        save(red, "b/2.png");
        MemoryDataset d = read();
        try (Scope s = Scope.open()) {
            assertThat(Tensors.longs(d.rows(0, 1).inputs().tensor("x"))).containsExactly(50, 50, 50, 255, 128, 1);
        }
    }

    @Test
    void transparencyIsLaidOverBlack() throws IOException {
        BufferedImage half = new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB);
        half.setRGB(0, 0, 0x80FFFFFF);
        save(half, "a/1.png");
        save(half, "b/1.png");
        try (Scope s = Scope.open()) {
            assertThat(Tensors.longs(read().rows(0).inputs().tensor("x"))).containsExactly(128, 128, 128);
        }
    }

    @Test
    void jpegIsRead() throws IOException {
        grey("a/1.jpg", 4, 4, 90);
        grey("b/1.jpg", 4, 4, 90);
        assertThat(read().schema().x().shape()).containsExactly(1L, 4L, 4L);
    }

    @Test
    void mixedSizesNameBothFiles() throws IOException {
        grey("a/1.png", 3, 2, 0);
        grey("b/odd.png", 2, 2, 0);
        assertThatThrownBy(this::read)
                .hasMessageContaining("odd.png")
                .hasMessageContaining("2 x 2")
                .hasMessageContaining("3 x 2")
                .hasMessageContaining("1.png");
    }

    @Test
    void whatIsNoFolderOfClassesIsRefused() throws IOException {
        assertThatThrownBy(this::read).hasMessageContaining("no folders");
        grey("a/1.png", 1, 1, 0);
        assertThatThrownBy(this::read).hasMessageContaining("single class");
        Files.createDirectory(dir.resolve("b"));
        assertThatThrownBy(this::read).hasMessageContaining("empty").hasMessageContaining("b");
        Files.writeString(dir.resolve("b/notes.txt"), "hello");
        assertThatThrownBy(this::read).hasMessageContaining("notes.txt");
        Files.delete(dir.resolve("b/notes.txt"));
        Files.writeString(dir.resolve("b/broken.png"), "hello");
        assertThatThrownBy(this::read).hasMessageContaining("broken.png");
        Files.write(
                dir.resolve("b/broken.png"), java.util.Arrays.copyOf(Files.readAllBytes(dir.resolve("a/1.png")), 40));
        assertThatThrownBy(this::read).hasMessageContaining("broken.png");
    }

    @Test
    void theCatalogSplitsByFoldersOrBySeed() throws IOException {
        for (int i : IntStream.range(0, 5).toArray()) {
            grey("set/train/a/" + i + ".png", 2, 2, i);
            grey("set/train/b/" + i + ".png", 2, 2, i);
        }
        grey("set/test/b/0.png", 2, 2, 1);
        DataPair split = DataCatalog.open(dir.resolve("set").toString(), DataOptions.defaults());
        assertThat(split.train().size()).isEqualTo(10);
        assertThat(split.test().classIds()).containsExactly(1);
        DataPair seeded = DataCatalog.open("images:" + dir.resolve("set/train"), DataOptions.defaults());
        assertThat(seeded.train().size()).isEqualTo(8);
        assertThat(seeded.test().size()).isEqualTo(2);
        assertThat(seeded.note()).contains("seed 0");
        grey("set/test/c/0.png", 2, 2, 1);
        assertThatThrownBy(() -> DataCatalog.open(dir.resolve("set").toString(), DataOptions.defaults()))
                .hasMessageContaining("This class is new");
    }

    @Test
    void tooManyPixelsAreRefusedWithBytes() throws IOException {
        grey("a/1.png", 8, 8, 0);
        grey("b/1.png", 8, 8, 0);
        assertThatThrownBy(
                        () -> ImageFolder.read(dir, null, DataOptions.defaults().withMaxBytes(100), Progress.NONE))
                .hasMessageContaining("384 bytes")
                .hasMessageContaining("100 are allowed");
    }
}
