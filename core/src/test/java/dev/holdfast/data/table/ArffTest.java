package dev.holdfast.data.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.DataException;
import dev.holdfast.data.Target;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArffTest {
    private static final DataOptions RAW = DataOptions.defaults().withStandardise(false);

    @TempDir
    Path dir;

    private Path file(String text) throws IOException {
        return Files.writeString(dir.resolve("t.arff"), text);
    }

    @Provide
    static Arbitrary<int[][]> tables() {
        return Arbitraries.integers()
                .between(-2, 2)
                .array(int[].class)
                .ofSize(5)
                .array(int[][].class)
                .ofMinSize(4)
                .ofMaxSize(30);
    }

    @Property(tries = 50, seed = "1")
    void sparseAndDenseRowsMeanTheSame(@ForAll("tables") int[][] rows) throws IOException {
        String header = "@relation 'r: -C 2'\n@attribute l0 {0,1}\n@attribute l1 {0,1}\n@attribute 'a b' numeric\n"
                + "@attribute n {zero,one,two}\n@attribute c REAL\n@data\n";
        String[] names = {"zero", "one", "two"};
        StringBuilder dense = new StringBuilder(header);
        StringBuilder sparse = new StringBuilder(header);
        for (int[] r : rows) {
            int[] v = {Math.abs(r[0]) % 2, Math.abs(r[1]) % 2, r[2], Math.abs(r[3]), r[4]};
            dense.append(v[0] + ", " + v[1] + "," + v[2] + "," + names[v[3]] + ",\t" + v[4] + "\n");
            StringBuilder s = new StringBuilder();
            for (int i = 0; i < 5; i++) {
                if (v[i] != 0) {
                    s.append(s.isEmpty() ? "" : ", ").append(i).append(' ').append(i == 3 ? names[v[i]] : v[i]);
                }
            }
            sparse.append("{").append(s).append("}\n");
        }
        Path d = Files.createTempDirectory("arff");
        Path a = Files.writeString(d.resolve("dense.arff"), dense);
        Path b = Files.writeString(d.resolve("sparse.arff"), sparse);
        assertThat(DataCatalog.open(a.toString(), RAW).train().fingerprint())
                .isEqualTo(DataCatalog.open(b.toString(), RAW).train().fingerprint());
        Files.delete(a);
        Files.delete(b);
        Files.delete(d);
    }

    @Test
    void nominalClassesQuotesCommentsAndMissingValuesAreRead() throws IOException {
        Path f = file("% a comment\n@RELATION test\n\n@ATTRIBUTE width NUMERIC % no comment here\n"
                        .replace(" % no comment here", "")
                + "@ATTRIBUTE 'it''s' integer\n".replace("''", "\\'")
                + "@attribute class {'p q', r}\n@DATA\n% another\n1,2,'p q'\n?,3,r\n3,4,'p q'\n5,6,r\n");
        DataPair p = DataCatalog.open(f.toString(), RAW);
        assertThat(p.preprocessing().orElseThrow().featureNames()).containsExactly("width", "it's");
        assertThat(p.schema().classes().columns()).extracting(c -> c.name()).containsExactly("p q", "r");
        assertThat(p.train().size() + p.test().size()).isEqualTo(4);
    }

    @Test
    void aNegativeNumberOfLabelsTakesTheLastAttributes() throws IOException {
        Path f = file("@relation 'x: -C -2 -split-number 3'\n@attribute f numeric\n@attribute a {0,1}\n"
                + "@attribute b {0,1}\n@data\n7,1,0\n8,0,1\n9,1,1\n10,0,0\n");
        DataPair p = DataCatalog.open(f.toString(), RAW);
        assertThat(p.schema().target()).isEqualTo(Target.MultiLabel.class);
        assertThat(p.schema().classes().columns()).extracting(c -> c.name()).containsExactly("a", "b");
        assertThat(p.train().size()).isEqualTo(3);
        assertThat(p.note()).contains("where the file says");
        try (Scope s = Scope.open()) {
            Target.MultiLabel y = (Target.MultiLabel) p.train().target();
            assertThat(Tensors.floats(y.y())).containsExactly(1, 0, 0, 1, 1, 1);
            assertThat(Tensors.floats(p.test().rows(0).inputs().x())).containsExactly(10);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1,x,p|line 5, column 'a'|'x'",
                "1,2|line 5|2 values",
                "1,2,s|column 'class'|one of [p, r]",
                "{0 1,0 2}|line 5|ascending",
                "{0 1|line 5|closing }",
                "{7 1}|line 5|0 to 2",
                "1,2,'p|line 5|never ends"
            })
    void badRowsAreRefusedByLine(String row, String where, String what) throws IOException {
        Path f = file("@relation r\n@attribute b numeric\n@attribute a numeric\n@attribute class {p,r}\n@data\n"
                        .replace("@relation r\n", "")
                + row + "\n1,2,r\n");
        assertThatThrownBy(() -> DataCatalog.open(f.toString(), RAW))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(where)
                .hasMessageContaining(what);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "@attribute a date|type 'date'",
                "@attribute a numeric\\n@attribute a numeric|second attribute",
                "hello|no ARFF",
                "@data|before any @attribute",
                "@attribute a numeric|before @data",
                "@attribute a numeric\\n@data|no rows",
                "@relation 'x -C 3'\\n@attribute a {0,1}\\n@data\\n1|-C 3"
            })
    void badHeadersAreRefused(String text, String what) throws IOException {
        Path f = file(text.replace("\\n", "\n") + "\n");
        assertThatThrownBy(() -> DataCatalog.open(f.toString(), RAW))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(what);
    }

    @ParameterizedTest
    @CsvSource({"music,6,71", "scene,6,294", "yeast,14,103", "enron,53,1001"})
    void mekaSetsAreReadWhole(String name, int labels, int features) {
        String data = System.getenv("HOLDFAST_DATA");
        Assumptions.assumeTrue(data != null, "HOLDFAST_DATA is not set");
        Path f = Path.of(data, "multilabel", name + ".arff.gz");
        Assumptions.assumeTrue(Files.exists(f), f + " is not there");
        DataPair p = DataCatalog.open(f.toString(), RAW);
        assertThat(p.schema().classes().size()).isEqualTo(labels);
        assertThat(p.schema().x().shape()).containsExactly((long) features);
    }
}
