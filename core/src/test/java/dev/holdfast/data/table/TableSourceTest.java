package dev.holdfast.data.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataException;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TableSourceTest {
    private static final DataOptions O = DataOptions.defaults().withLabel("y").withStandardise(false);

    @TempDir
    Path dir;

    private Path numbered(int n) throws IOException {
        Path f = dir.resolve("n.csv");
        try (BufferedWriter w = Files.newBufferedWriter(f)) {
            w.write("i,half,y\n");
            for (int i = 0; i < n; i++) {
                w.write(i + "," + i * 0.5 + "," + i % 3 + "\n");
            }
        }
        return f;
    }

    private static List<String> drain(Loader l, int most) {
        List<String> out = new ArrayList<>();
        while (l.hasNext() && out.size() < most) {
            try (Scope s = Scope.open()) {
                Batch b = l.next();
                out.add(b.rows().epoch() + "/" + b.rows().step()
                        + Arrays.toString(b.rows().ids())
                        + Arrays.hashCode(Tensors.floats(b.inputs().x())) + Arrays.toString(b.classIds()));
            }
        }
        return out;
    }

    @Test
    void rowsComeInTheOrderOfTheFileAcrossBlocks() throws IOException {
        int n = 40_000;
        try (DataCatalog.DataStream d = DataCatalog.stream(numbered(n).toString(), O, Progress.NONE);
                Loader l = d.rows().batches(Pace.inOrder(100), Rng.of(1))) {
            assertThat(d.rows().size()).isEqualTo(n);
            long next = 0;
            while (l.hasNext()) {
                try (Scope s = Scope.open()) {
                    Batch b = l.next();
                    float[] x = Tensors.floats(b.inputs().x());
                    long[] y = b.classIds();
                    for (int i = 0; i < b.size(); i++, next++) {
                        assertThat(b.rows().ids()[i]).isEqualTo(next);
                        assertThat(x[2 * i]).isEqualTo((float) next);
                        assertThat(y[i]).isEqualTo(next % 3);
                    }
                }
            }
            assertThat(next).isEqualTo(n);
        }
    }

    @Test
    void aResumedLoaderDealsTheSameRemainingRows() throws IOException {
        try (DataCatalog.DataStream d = DataCatalog.stream(numbered(20_000).toString(), O, Progress.NONE)) {
            Pace pace = Pace.shuffled(2, 512);
            List<String> whole;
            try (Loader l = d.rows().batches(pace, Rng.of(4))) {
                whole = drain(l, Integer.MAX_VALUE);
            }
            assertThat(whole).hasSize(2 * 40).doesNotHaveDuplicates();
            for (int stop : new int[] {0, 3, 16, 17, 39, 40, 41, 79}) {
                State saved;
                try (Loader l = d.rows().batches(pace, Rng.of(4))) {
                    drain(l, stop);
                    saved = l.state();
                }
                try (Loader l = d.rows().batches(pace, Rng.of(4))) {
                    l.load(saved);
                    assertThat(drain(l, Integer.MAX_VALUE))
                            .as("stopped at %d", stop)
                            .isEqualTo(whole.subList(stop, 80));
                }
            }
            try (Loader l = d.rows().batches(pace, Rng.of(4))) {
                assertThatThrownBy(() -> l.load(new State()
                                .put("epoch", 0)
                                .put("start", 99)
                                .put("at", 0)
                                .put("step", 0)))
                        .hasMessageContaining("does not fit");
            }
        }
    }

    @Test
    void twoLoadersReadSideBySide() throws IOException {
        try (DataCatalog.DataStream d = DataCatalog.stream(numbered(20_000).toString(), O, Progress.NONE);
                Loader a = d.rows().batches(Pace.inOrder(1000), Rng.of(1));
                Loader b = d.rows().batches(Pace.inOrder(1000), Rng.of(1))) {
            assertThat(drain(a, 3)).isEqualTo(drain(b, 3));
            assertThat(drain(a, Integer.MAX_VALUE)).hasSize(17).isEqualTo(drain(b, Integer.MAX_VALUE));
        }
    }

    @Test
    void streamAndMemoryGiveTheSameNumbers() throws IOException {
        Path f = numbered(500);
        var pair = DataCatalog.open(f.toString(), O);
        try (DataCatalog.DataStream d =
                        DataCatalog.stream(f.toString(), O, pair.preprocessing().orElseThrow(), Progress.NONE);
                Loader l = d.rows().batches(Pace.inOrder(500), Rng.of(1));
                Scope s = Scope.open()) {
            float[] all = Tensors.floats(l.next().inputs().x());
            for (int i = 0; i < pair.test().size(); i++) {
                float[] x = Tensors.floats(pair.test().rows(i).inputs().x());
                int at = 2 * (int) pair.test().id(i);
                assertThat(x).containsExactly(all[at], all[at + 1]);
            }
        }
    }

    @Test
    void parquetAndJsonLinesHoldTheSameRowsAsCsv() throws Exception {
        Path csv = numbered(300);
        Path parquet = dir.resolve("n.parquet");
        Path json = dir.resolve("n.jsonl");
        try (var c = java.sql.DriverManager.getConnection("jdbc:duckdb:");
                var s = c.createStatement()) {
            s.execute("COPY (FROM read_csv('" + csv + "')) TO '" + parquet + "' (FORMAT parquet)");
            s.execute("COPY (FROM read_csv('" + csv + "')) TO '" + json + "' (FORMAT json)");
        }
        String expected = DataCatalog.open(csv.toString(), O).train().fingerprint();
        assertThat(DataCatalog.open(parquet.toString(), O).train().fingerprint())
                .isEqualTo(expected);
        assertThat(DataCatalog.open(json.toString(), O).train().fingerprint()).isEqualTo(expected);
    }

    @Test
    void badJsonLinesAndParquetAreRefused() throws IOException {
        Path j = dir.resolve("bad.jsonl");
        Files.writeString(j, "{\"a\":1,\"y\":\"p\"}\n{\"a\":2,\"y\":\n{\"a\":3,\"y\":\"q\"}\n");
        assertThatThrownBy(() -> DataCatalog.open(j.toString(), O))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("bad.jsonl, line 2");
        Files.write(j, new byte[] {'{', '"', 'a', '"', ':', '1', '}', '\n', '{', '"', (byte) 0xe9, '"', ':', '1', '}'});
        assertThatThrownBy(() -> DataCatalog.open(j.toString(), O)).hasMessageContaining("line 2");
        Files.writeString(j, "{\"a\":1,\"y\":\"p\"}\n{\"a\":\"zwei\",\"y\":\"q\"}\n{\"a\":3,\"y\":\"q\"}\n");
        assertThatThrownBy(() -> DataCatalog.open(j.toString(), O))
                .hasMessageContaining("line 2, column 'a'")
                .hasMessageContaining("'zwei'");
        Files.writeString(j, "{\"a\":[1],\"y\":\"p\"}\n{\"a\":[2],\"y\":\"q\"}\n");
        assertThatThrownBy(() -> DataCatalog.open(j.toString(), O)).hasMessageContaining("type BIGINT[]");
        Path p = dir.resolve("bad.parquet");
        Files.writeString(p, "this is no Parquet file at all, but long enough");
        assertThatThrownBy(() -> DataCatalog.open(p.toString(), O))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("bad.parquet");
    }

    @Test
    @Tag("slow")
    void aFileOfThreeGigabytesIsRefusedByMemoryAndReadInPieces() throws IOException {
        Path f = dir.resolve("large.csv");
        StringBuilder piece = new StringBuilder();
        for (int i = 0; i < 10_000; i++) {
            piece.append(i)
                    .append(',')
                    .append("0.125,".repeat(48))
                    .append(i % 5)
                    .append('\n');
        }
        long rows = 0;
        try (BufferedWriter w = Files.newBufferedWriter(f)) {
            w.write("i,"
                    + String.join(
                            ",",
                            java.util.stream.IntStream.range(0, 48)
                                    .mapToObj(i -> "c" + i)
                                    .toList()) + ",y\n");
            while (Files.size(f) < 3L << 30) {
                w.write(piece.toString());
                rows += 10_000;
            }
        }
        assertThatThrownBy(() -> DataCatalog.open(f.toString(), O.withMaxBytes(1L << 30)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("large.csv")
                .hasMessageContaining("bytes");
        long seen = 0;
        try (DataCatalog.DataStream d = DataCatalog.stream(f.toString(), O, Progress.NONE);
                Loader l = d.rows().batches(Pace.inOrder(4096), Rng.of(1))) {
            while (l.hasNext()) {
                try (Scope s = Scope.open()) {
                    seen += l.next().size();
                }
            }
        }
        assertThat(seen).isEqualTo(rows);
    }
}
