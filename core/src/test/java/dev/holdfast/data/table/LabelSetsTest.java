package dev.holdfast.data.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.DataException;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Target;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables with several label columns, and tables as streams in memory. */
class LabelSetsTest {
    private static final int ROWS = 20;

    @TempDir
    Path folder;

    private Path csv;

    @BeforeEach
    void write() throws IOException {
        StringBuilder b = new StringBuilder("topic_a,x,topic_b,kind,topic_c\n");
        for (int i = 0; i < ROWS; i++) {
            b.append(i % 2)
                    .append(',')
                    .append(i)
                    .append(',')
                    .append(i % 3 == 0 ? "true" : "false")
                    .append(',')
                    .append(i % 4)
                    .append(',')
                    .append(i % 5 == 0 ? 1 : 0)
                    .append('\n');
        }
        csv = Files.writeString(folder.resolve("t.csv"), b);
    }

    private DataPair stream(String... labels) {
        return DataCatalog.inOrder(
                csv.toString(), DataOptions.defaults().withLabels(labels).withStandardise(false), Progress.NONE);
    }

    @Test
    void namedColumnsOfBitsAreLabelsAndRowsKeepTheirOrder() {
        DataPair p = stream("topic_a", "topic_b");
        assertThat(p.schema().target()).isEqualTo(Target.MultiLabel.class);
        assertThat(p.schema().classes().columns()).extracting(c -> c.name()).containsExactly("topic_a", "topic_b");
        assertThat(p.train().size()).isEqualTo(ROWS);
        assertThat(p.test().size()).isZero();
        try (Scope s = Scope.open()) {
            Dataset d = p.train();
            boolean[][] y = ((Target.MultiLabel) d.target()).sets();
            double[][] x = Tensors.rows(
                    d.rows(IntStream.range(0, ROWS).toArray()).inputs().x());
            for (int i = 0; i < ROWS; i++) {
                assertThat(d.id(i)).isEqualTo(i);
                assertThat(x[i]).containsExactly(i, i % 4, i % 5 == 0 ? 1 : 0);
                assertThat(y[i]).containsExactly(i % 2 == 1, i % 3 == 0);
            }
        }
    }

    @Test
    void aPatternStandsForAllColumnsThatItFits() {
        assertThat(stream("topic_*").schema().classes().columns())
                .extracting(c -> c.name())
                .containsExactly("topic_a", "topic_b", "topic_c");
        assertThat(stream("*_c", "topic_a").schema().classes().columns())
                .extracting(c -> c.name())
                .containsExactly("topic_c", "topic_a");
    }

    @Test
    void oneColumnHoldsClasses() {
        DataPair p = stream("kind");
        assertThat(p.schema().target()).isEqualTo(Target.ClassIds.class);
        assertThat(p.train().classIds()).startsWith(0, 1, 2, 3, 0);
    }

    @Test
    void aSplitOfLabelSetsKeepsEveryRow() {
        DataPair p = DataCatalog.open(csv.toString(), DataOptions.defaults().withLabels("topic_*"));
        assertThat(p.train().size() + p.test().size()).isEqualTo(ROWS);
        assertThat(p.test().size()).isEqualTo(4);
    }

    @Test
    void theFirstRowsAreTakenOnDemand() {
        DataPair p = DataCatalog.inOrder(
                csv.toString(), DataOptions.defaults().withLabel("kind").withRows(7), Progress.NONE);
        assertThat(p.train().size()).isEqualTo(7);
        assertThat(p.train().classIds()).containsExactly(0, 1, 2, 3, 0, 1, 2);
    }

    @Test
    void badLabelsAreNamed() {
        assertThatThrownBy(() -> stream("topic_a", "topic_z"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("topic_z")
                .hasMessageContaining("Maybe 'topic_a' was meant");
        assertThatThrownBy(() -> stream("subject_*")).hasMessageContaining("subject_*");
        assertThatThrownBy(() -> stream("topic_a", "kind"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'kind'")
                .hasMessageContaining("line 4")
                .hasMessageContaining("0 or 1");
        assertThatThrownBy(() -> DataOptions.defaults().withIgnore("a").withLabels("b", "a"))
                .hasMessageContaining("cannot be the label");
    }
}
