package dev.holdfast.data.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.source.Splits;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataCatalogTest {
    @TempDir
    Path dir;

    /** What a jar of a user's own would add. */
    public static final class Tiny implements DataSourcePlugin {
        @Override
        public String id() {
            return "tiny-test";
        }

        @Override
        public String summary() {
            return "ten rows of MNIST-1D a class, for a test";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return DataCatalog.open("mnist1d", options.withRows(100));
        }
    }

    private DataOptions nowhere() {
        return DataOptions.defaults().withDataDir(dir);
    }

    @Test
    void whatThereIsIsListedAPluginToo() {
        assertThat(DataCatalog.ids()).containsKeys("fashion", "mnist", "mnist1d", "sample", "tiny-test");
        assertThat(DataCatalog.ids().values()).allMatch(s -> !s.isBlank() && !s.contains("\n"));
        DataPair p = DataCatalog.open("tiny-test", nowhere());
        assertThat(p.train().size()).isEqualTo(100);
        assertThat(p.test().size()).isEqualTo(30);
    }

    @Test
    void withoutTheFullSetTheSampleIsUsedAndSaidToBe() {
        DataPair p = DataCatalog.open("fashion", nowhere());
        assertThat(p.train().size()).isEqualTo(10_000);
        assertThat(p.note()).contains("bundled sample", "10,000 + 2,000", "not found in " + dir);
        assertThat(p.schema().x().shape()).containsExactly(1L, 28L, 28L);
    }

    @Test
    void aHalfFullSetIsNotSilentlyReplacedByTheSample() throws IOException {
        Files.createDirectories(dir.resolve("fashion-mnist"));
        Files.writeString(dir.resolve("fashion-mnist/train-images-idx3-ubyte.gz"), "");
        assertThatThrownBy(() -> DataCatalog.open("fashion", nowhere()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("missing");
    }

    @Test
    void textsAreReadAsTheyAreOrUnpacked() throws IOException {
        byte[] whale = "Call me Ishmael.\n".getBytes(StandardCharsets.UTF_8);
        Files.write(dir.resolve("whale.txt"), whale);
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(dir.resolve("whale.txt.gz")))) {
            out.write(whale);
        }
        assertThat(DataCatalog.text("whale.txt", nowhere())).isEqualTo(whale);
        assertThat(DataCatalog.text("whale.txt.gz", nowhere())).isEqualTo(whale);
        assertThat(DataCatalog.text(dir.resolve("whale.txt").toString(), DataOptions.defaults()))
                .isEqualTo(whale);
    }

    @Test
    void textsThatAreNoneAreRefused() throws IOException {
        Files.writeString(dir.resolve("empty.txt"), "");
        Files.writeString(dir.resolve("plain.gz"), "not packed");
        assertThatThrownBy(() -> DataCatalog.text("empty.txt", nowhere())).hasMessageContaining("empty");
        assertThatThrownBy(() -> DataCatalog.text("plain.gz", nowhere()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("plain.gz");
        assertThatThrownBy(() -> DataCatalog.text("emtpy.txt", nowhere()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("Maybe")
                .hasMessageContaining("empty.txt");
    }

    @Test
    void mnistSaysWhereItLooked() {
        assertThatThrownBy(() -> DataCatalog.open("mnist", nowhere()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(dir.toString())
                .hasMessageContaining("--data");
    }

    @Test
    void aNearIdIsSuggested() {
        assertThatThrownBy(() -> DataCatalog.open("fasion", nowhere()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("Maybe fashion was meant");
    }

    @Test
    void rowsAreDrawnByClassAndBySeed() {
        DataPair a = DataCatalog.open("sample?rows=500", nowhere());
        assertThat(Splits.counts(a.train().classIds()).values()).hasSize(10).containsOnly(50);
        assertThat(a.test().size()).isEqualTo(100);
        assertThat(a.note()).contains("drawn by class (seed 0)");
        assertThat(a.train().fingerprint())
                .isEqualTo(
                        DataCatalog.open("sample?rows=500", nowhere()).train().fingerprint())
                .isNotEqualTo(DataCatalog.open("sample?rows=500&seed=1", nowhere())
                        .train()
                        .fingerprint());
    }

    @Test
    void theFullSetsAreReadFromTheDataFolder() {
        String data = System.getenv("HOLDFAST_DATA");
        Assumptions.assumeTrue(data != null, "HOLDFAST_DATA is not set");
        for (String id : new String[] {"fashion", "mnist"}) {
            Path folder = Path.of(data, id.equals("mnist") ? "mnist" : "fashion-mnist");
            Assumptions.assumeTrue(Files.isDirectory(folder), folder + " is not there");
            DataPair p = DataCatalog.open(id, DataOptions.defaults());
            assertThat(p.train().size()).isEqualTo(60_000);
            assertThat(p.test().size()).isEqualTo(10_000);
            assertThat(p.note()).contains(folder.toString());
            assertThat(DataCatalog.open(folder.toString(), DataOptions.defaults())
                            .train()
                            .classIds())
                    .isEqualTo(p.train().classIds());
        }
    }

    @Test
    void realTablesAreRead() {
        String data = System.getenv("HOLDFAST_DATA");
        Assumptions.assumeTrue(data != null, "HOLDFAST_DATA is not set");
        Path f = Path.of(data, "tabular", "letterrecognition.csv.gz");
        Assumptions.assumeTrue(Files.exists(f), f + " is not there");
        DataPair p = DataCatalog.open("tabular/letterrecognition.csv.gz", DataOptions.defaults());
        assertThat(p.train().size() + p.test().size()).isEqualTo(20_000);
        assertThat(p.schema().classes().size()).isEqualTo(26);
        assertThat(p.schema().x().shape()).containsExactly(16L);
    }
}
