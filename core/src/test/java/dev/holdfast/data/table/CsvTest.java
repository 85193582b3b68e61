package dev.holdfast.data.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.DataException;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsvTest {
    private static final DataOptions LABEL_Y = DataOptions.defaults().withLabel("y");

    @TempDir
    Path dir;

    private Path file(String name, String text) throws IOException {
        return Files.writeString(dir.resolve(name), text);
    }

    private static byte[] gzip(byte[] b) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream g = new GZIPOutputStream(out)) {
            g.write(b);
        }
        return out.toByteArray();
    }

    private DataPair open(Path f, DataOptions o) {
        return DataCatalog.open(f.toString(), o.withDataDir(dir).withCacheDir(dir.resolve("cache")));
    }

    private AbstractThrowableAssert<?, ?> refused(String text, DataOptions o) throws IOException {
        Path f = file("bad.csv", text);
        return assertThatThrownBy(() -> open(f, o))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("bad.csv");
    }

    /** Rows a, b with classes p and q in turns. */
    private static String rows(int n) {
        StringBuilder s = new StringBuilder("a,b,y\n");
        for (int i = 0; i < n; i++) {
            s.append(i)
                    .append(',')
                    .append(i * i % 7)
                    .append(',')
                    .append(i % 2 == 0 ? "p" : "q")
                    .append('\n');
        }
        return s.toString();
    }

    @Provide
    static Arbitrary<double[][]> tables() {
        return Arbitraries.doubles()
                .between(-1e30, 1e30)
                .ofScale(6)
                .array(double[].class)
                .ofSize(3)
                .array(double[][].class)
                .ofMinSize(4)
                .ofMaxSize(60);
    }

    @Property(tries = 40, seed = "1")
    void numbersSurviveTheRoundTripInAnyOrderOfTheSplit(@ForAll("tables") double[][] rows) throws IOException {
        StringBuilder text = new StringBuilder("u;\"v;w\";z;y\r\n");
        for (int i = 0; i < rows.length; i++) {
            text.append(rows[i][0])
                    .append(';')
                    .append('"')
                    .append(rows[i][1])
                    .append('"')
                    .append(';');
            text.append(rows[i][2]).append(';').append(i % 2).append("\r\n");
        }
        Path d = Files.createTempDirectory("csv");
        Path f = Files.write(d.resolve("t.csv.gz"), gzip(text.toString().getBytes(StandardCharsets.UTF_8)));
        DataPair p = DataCatalog.open(f.toString(), LABEL_Y.withStandardise(false));
        assertThat(p.train().size() + p.test().size()).isEqualTo(rows.length);
        try (Scope s = Scope.open()) {
            for (var part : List.of(p.train(), p.test())) {
                for (int i = 0; i < part.size(); i++) {
                    double[] row = rows[(int) part.id(i)];
                    float[] x = Tensors.floats(part.rows(i).inputs().x());
                    assertThat(x).containsExactly((float) row[0], (float) row[1], (float) row[2]);
                    assertThat(part.rows(i).classIds()[0]).isEqualTo(part.id(i) % 2);
                }
            }
        }
        Files.delete(f);
        Files.delete(d);
    }

    @Test
    void standardisationIsFittedOnTheTrainingRowsOnly() throws IOException {
        DataPair p = open(file("t.csv", rows(50)), LABEL_Y);
        try (Scope s = Scope.open()) {
            double[][] x = p.train()
                    .rows(java.util.stream.IntStream.range(0, 40).toArray())
                    .inputs()
                    .array("x");
            for (int c = 0; c < 2; c++) {
                int col = c;
                double mean =
                        Arrays.stream(x).mapToDouble(r -> r[col]).average().orElseThrow();
                double sq = Arrays.stream(x)
                        .mapToDouble(r -> r[col] * r[col])
                        .average()
                        .orElseThrow();
                assertThat(mean).isCloseTo(0, within(1e-6));
                assertThat(sq).isCloseTo(1, within(1e-5));
            }
        }
        double mean = 0;
        for (int i = 0; i < 40; i++) {
            mean += p.train().id(i) / 40.0;
        }
        Preprocessing.Numeric a = (Preprocessing.Numeric)
                p.preprocessing().orElseThrow().columns().get(0);
        assertThat(a.shift()).isCloseTo(mean, within(1e-12));
        assertThat(mean).isNotEqualTo(24.5);
    }

    @Test
    void categoriesMissingValuesAndTheirIndicatorsAreRecorded() throws IOException {
        String text = "size,colour,flag,y\n1,red,no,0\nNA,blue,yes,1\n3,,no,0\n5,green,yes,1\n,red,no,0\n3,red,yes,1\n"
                + "3,blue,no,0\n3,green,no,1\n3,red,yes,0\n3,blue,no,1\n";
        DataOptions o = LABEL_Y.withStandardise(false).withMissingIndicators(true);
        try (Table t = DuckTable.open(file("t.csv", text), DuckTable.Format.CSV, o)) {
            TableSource all = Tables.stream(t, o, () -> null);
            Preprocessing p = all.preprocessing();
            assertThat(p.featureNames())
                    .containsExactly(
                            "size",
                            "size is missing",
                            "colour=blue",
                            "colour=green",
                            "colour=red",
                            "colour is missing",
                            "flag=yes");
            try (Scope s = Scope.open()) {
                var l = all.batches(dev.holdfast.data.Pace.inOrder(3), dev.holdfast.tensor.Rng.of(0));
                assertThat(Tensors.floats(l.next().inputs().x()))
                        .containsExactly(1, 0, 0, 0, 1, 0, 0, 3, 1, 1, 0, 0, 0, 1, 3, 0, 0, 0, 1, 1, 0);
                l.close();
            }
            assertThat(Preprocessing.fromJson(p.toJson())).isEqualTo(p);
            Preprocessing ordinal = Tables.stream(t, o.withEncoding(DataOptions.Encoding.ORDINAL), () -> null)
                    .preprocessing();
            assertThat(ordinal.width()).isEqualTo(5);
        }
    }

    @Test
    void aSavedPreprocessingIsAppliedToRawRowsWithUnknownCategoriesAndWithoutLabels() throws IOException {
        DataOptions o = LABEL_Y;
        Preprocessing p;
        try (Table t = DuckTable.open(file("a.csv", "c,n,y\nu,1,0\nv,3,1\nu,5,0\nw,7,1\n"), DuckTable.Format.CSV, o)) {
            p = Preprocessing.fromJson(
                    Tables.stream(t, o, () -> null).preprocessing().toJson());
        }
        try (Table t = DuckTable.open(file("b.csv", "extra,n,c\nx,4,new\ny,,w\n"), DuckTable.Format.CSV, o);
                Scope s = Scope.open()) {
            TableSource rows = Tables.stream(t, p, () -> null);
            assertThat(rows.labelled()).isFalse();
            var b = rows.batches(dev.holdfast.data.Pace.inOrder(2), dev.holdfast.tensor.Rng.of(0))
                    .next();
            assertThat(Tensors.floats(b.inputs().x())).containsExactly(1, 0, 0, 0, 0, 0, 1, 0);
            assertThat(b.target().size()).isEqualTo(-1);
        }
        try (Table t = DuckTable.open(file("c.csv", "m,c\n1,u\n"), DuckTable.Format.CSV, o)) {
            assertThatThrownBy(() -> Tables.stream(t, p, () -> null))
                    .hasMessageContaining("no column 'n'")
                    .hasMessageContaining("[m, c]");
        }
        try (Table t = DuckTable.open(file("d.csv", "n,c\n1,u\nten,u\n"), DuckTable.Format.CSV, o)) {
            assertThatThrownBy(() -> Tables.stream(t, p, () -> null))
                    .hasMessageContaining("line 3")
                    .hasMessageContaining("'ten'");
        }
    }

    @Test
    void classNamesAreInTheOrderOfNumbersOrOfTexts() throws IOException {
        String text = "x,y\n1,10\n2,9\n3,10\n4,9\n5,2\n6,2\n";
        assertThat(open(file("n.csv", text), LABEL_Y).schema().classes().columns())
                .extracting(c -> c.name())
                .containsExactly("2", "9", "10");
        assertThat(open(file("t.csv", text.replace(",9", ",b")), LABEL_Y)
                        .schema()
                        .classes()
                        .columns())
                .extracting(c -> c.name())
                .containsExactly("10", "2", "b");
    }

    @Test
    void namesThatDifferInCaseQuotesNewlinesTabsAndMarksAreRead() throws IOException {
        Path f = file(
                "t.tsv", "\uFEFFa\tA\ty\r\n1\t2\t\"p\"\"\r\n,\"\r\n3\t4\tq\r\n5\t6\tq\r\n7\t8\t\"p\"\"\r\n,\"\r\n");
        DataPair p = open(f, LABEL_Y.withStandardise(false));
        assertThat(p.schema().x().shape()).containsExactly(2L);
        assertThat(p.schema().classes().columns()).hasSize(2);
        assertThat(p.schema().classes().columns().get(0).name())
                .startsWith("p\"")
                .endsWith(",");
    }

    @Test
    void theLabelColumnMustBeThere() throws IOException {
        refused(rows(10), DataOptions.defaults().withLabel("yy"))
                .hasMessageContaining("label column 'yy'")
                .hasMessageContaining("[a, b, y]")
                .hasMessageContaining("Maybe 'y'");
        refused(rows(10), DataOptions.defaults()).hasMessageContaining("--label");
        refused(rows(10), LABEL_Y.withIgnore("zz")).hasMessageContaining("no column 'zz'");
    }

    @Test
    void aLabelNamedLabelIsFoundAndSaid() throws IOException {
        assertThat(open(file("t.csv", rows(10).replace(",y\n", ",Label\n")), DataOptions.defaults())
                        .note())
                .contains("column 'Label', found by its name");
    }

    @Test
    void aSingleClassIsRefused() throws IOException {
        refused("a,y\n1,p\n2,p\n", LABEL_Y).hasMessageContaining("class 'p'").hasMessageContaining("two classes");
    }

    @Test
    void aRowWithoutLabelIsRefusedByLine() throws IOException {
        refused("a,y\n1,p\n2,q\n3,\n", LABEL_Y).hasMessageContaining("line 4").hasMessageContaining("no label");
    }

    @Test
    void aLabelThatIsNoClassIsRefused() throws IOException {
        StringBuilder s = new StringBuilder("a,y\n");
        for (int i = 0; i < 300; i++) {
            s.append("1,").append(i * 0.37).append('\n');
        }
        refused(s.toString(), LABEL_Y).hasMessageContaining("different values");
    }

    @Test
    void anAllMissingColumnIsRefused() throws IOException {
        refused("a,b,y\n1,NA,p\n2,,q\n3,?,p\n4,null,q\n", LABEL_Y)
                .hasMessageContaining("column 'b'")
                .hasMessageContaining("All 4 values are missing")
                .hasMessageContaining("--ignore b");
    }

    @Test
    void textInANumericColumnIsRefusedByLineColumnAndValue() throws IOException {
        refused("a,y\n1,p\n\"2\",\"p\nq\"\n\n3,p\noops,p\n", LABEL_Y)
                .hasMessageContaining("line 7")
                .hasMessageContaining("column 'a'")
                .hasMessageContaining("'oops'");
        refused("a,y\n1,p\ninf,q\n3,p\n", LABEL_Y)
                .hasMessageContaining("line 3")
                .hasMessageContaining("'inf'");
        assertThat(open(file("c.csv", "a,y\n1,p\n2,q\nx,p\n1,q\n"), LABEL_Y.withCategories("a"))
                        .schema()
                        .x()
                        .shape())
                .hasSize(1);
    }

    @Test
    void textThatIsNotUtf8IsRefusedByLine() throws IOException {
        Path f = dir.resolve("latin.csv");
        Files.write(f, "a,y\n1,p\n2,caf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> open(f, LABEL_Y))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("latin.csv, line 3")
                .hasMessageContaining("\\xe9")
                .hasMessageContaining("iconv");
        Files.write(f, "a,\u00e9,y\n1,2,p\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> open(f, LABEL_Y))
                .hasMessageContaining("line 1")
                .hasMessageContaining("UTF-8");
    }

    @Test
    void aHeaderWithDoubledEmptyOrNoNamesIsRefused() throws IOException {
        refused("a,b,a,y\n1,2,3,p\n", LABEL_Y).hasMessageContaining("line 1").hasMessageContaining("both named 'a'");
        refused("a,,y\n1,2,p\n", LABEL_Y).hasMessageContaining("Column 2 has no name");
        refused("1,2,3\n4,5,6\n", LABEL_Y).hasMessageContaining("header=no");
        Path f = file("bare.csv", "1,2,3\n4,5,6\n7,8,3\n9,1,6\n");
        assertThat(open(f, DataOptions.defaults().withHeader(false).withLabel("c3"))
                        .schema()
                        .x()
                        .shape())
                .containsExactly(2L);
    }

    @Test
    void noRowsAreRefused() throws IOException {
        refused("a,y\n", LABEL_Y).hasMessageContaining("no rows").hasMessageContaining("[a, y]");
        refused("", LABEL_Y).hasMessageContaining("empty");
    }

    @Test
    void raggedRowsAreRefusedByLine() throws IOException {
        refused("a,b,y\n1,2,p\n1,q\n3,4,p\n", LABEL_Y)
                .hasMessageContaining("line 3")
                .hasMessageContaining("2 values")
                .hasMessageContaining("Expected 3");
        refused("a,b,y\n1,2,p\n1,\"2\n2\",q\n1,2,3,q\n", LABEL_Y)
                .hasMessageContaining("line 5")
                .hasMessageContaining("4 values");
        refused("a,b,y\n1,2,p\n1,\"2,q\n", LABEL_Y)
                .hasMessageContaining("line 3")
                .hasMessageContaining("never ends");
    }

    @Test
    void aTruncatedGzipIsRefusedAtEveryLength() throws IOException {
        byte[] whole = gzip(rows(300).getBytes(StandardCharsets.UTF_8));
        Path f = dir.resolve("cut.csv.gz");
        for (int n = 0; n < whole.length; n += 7) {
            Files.write(f, Arrays.copyOf(whole, n));
            assertThatThrownBy(() -> open(f, LABEL_Y))
                    .as("%d of %d bytes", n, whole.length)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("cut.csv.gz");
        }
    }

    @Test
    void aMissingPathSuggestsANearName() throws IOException {
        file("letters.csv", rows(4));
        assertThatThrownBy(() -> open(dir.resolve("leters.csv"), LABEL_Y))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("Maybe " + dir.resolve("letters.csv"));
        assertThatThrownBy(() -> open(file("data.xyz", ""), LABEL_Y)).hasMessageContaining("csv:");
    }

    @Test
    void whatDoesNotFitIntoMemoryIsRefusedWithBytes() throws IOException {
        Path f = file("t.csv", rows(100));
        assertThatThrownBy(() -> open(f, LABEL_Y.withMaxBytes(1000)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("100 rows of 16 bytes take 1,600 bytes")
                .hasMessageContaining("1,000 are allowed")
                .hasMessageContaining("stream");
    }

    @Test
    void freeTextIsNotTakenForCategories() throws IOException {
        StringBuilder s = new StringBuilder("t,y\n");
        for (int i = 0; i < 200; i++) {
            s.append("sentence ").append(i).append(',').append(i % 2).append('\n');
        }
        refused(s.toString(), LABEL_Y).hasMessageContaining("--text t");
    }

    @Test
    void optionsInTheSpecAreReadAndChecked() throws IOException {
        Path f = file("rows.txt", rows(40));
        DataPair p = DataCatalog.open("csv:" + f + "?label=y&ignore=b&test=0.5&seed=3&rows=20", DataOptions.defaults());
        assertThat(p.train().size()).isEqualTo(10);
        assertThat(p.schema().x().shape()).containsExactly(1L);
        assertThat(p.note()).contains("20 of 40 rows drawn by class (seed 3)", "columns not used: b");
        assertThatThrownBy(() -> DataCatalog.open("csv:" + f + "?lable=y", DataOptions.defaults()))
                .hasMessageContaining("Maybe 'label'");
        assertThatThrownBy(() -> DataCatalog.open("csv:" + f + "?label=y&test=2", DataOptions.defaults()))
                .hasMessageContaining("a share between 0 and 1");
        assertThatThrownBy(() -> DataCatalog.open("csv:" + f + "?header=maybe", DataOptions.defaults()))
                .hasMessageContaining("yes or no");
    }

    @Test
    void rowsComeFromStandardInput() {
        java.io.InputStream before = System.in;
        try {
            System.setIn(new java.io.ByteArrayInputStream(rows(12).getBytes(StandardCharsets.UTF_8)));
            DataPair p = DataCatalog.open("-?label=y", DataOptions.defaults());
            assertThat(p.train().size() + p.test().size()).isEqualTo(12);
            System.setIn(new java.io.ByteArrayInputStream(
                    "{\"a\":1,\"y\":1}\n{\"a\":2,\"y\":0}\n".getBytes(StandardCharsets.UTF_8)));
            assertThat(DataCatalog.open("jsonl:-?label=y", DataOptions.defaults())
                            .schema()
                            .classes()
                            .size())
                    .isEqualTo(2);
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void theSameFileSplitsTheSameWayTwice() throws IOException {
        Path f = file("t.csv", rows(60));
        assertThat(open(f, LABEL_Y).train().fingerprint())
                .isEqualTo(open(f, LABEL_Y).train().fingerprint());
        assertThat(open(f, LABEL_Y).train().fingerprint())
                .isNotEqualTo(open(f, LABEL_Y.withSeed(1)).train().fingerprint());
    }

    @Test
    void aSavedPreprocessingThatIsDamagedOrNewerIsRefused() throws IOException {
        String json = open(file("t.csv", rows(10)), LABEL_Y)
                .preprocessing()
                .orElseThrow()
                .toJson();
        assertThatThrownBy(() -> Preprocessing.fromJson(json.substring(0, json.length() / 2)))
                .hasMessageContaining("cannot be read");
        assertThatThrownBy(() -> Preprocessing.fromJson(json.replace("\"version\" : 1", "\"version\" : 9")))
                .hasMessageContaining("version 9");
    }
}
