package dev.holdfast.data.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Inputs;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.table.Preprocessing;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.langchain4j.model.embedding.onnx.allminilml6v2q.AllMiniLmL6V2QuantizedEmbeddingModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SentenceFeaturesTest {
    @TempDir
    Path dir;

    private static double[][] encode(String... texts) {
        try (Scope s = Scope.open()) {
            return Tensors.rows(SentenceFeatures.get().features(Inputs.of(List.of(texts))));
        }
    }

    private static double dot(double[] a, double[] b) {
        double d = 0;
        for (int i = 0; i < a.length; i++) {
            d += a[i] * b[i];
        }
        return d;
    }

    @Test
    void likeSentencesAreNearAndEveryVectorHasLengthOne() {
        double[][] v =
                encode("a small dog runs in the park", "a puppy is running outside", "interest rates rose again");
        assertThat(v[0]).hasSize(384);
        for (double[] r : v) {
            assertThat(dot(r, r)).isCloseTo(1, within(1e-5));
        }
        assertThat(dot(v[0], v[1])).isGreaterThan(dot(v[0], v[2]) + 0.3);
    }

    @Test
    void theVectorIsTheOneOfTheModelWithItsOwnSettings() {
        String text = "the root that anchors kelp to the rock";
        float[] theirs =
                new AllMiniLmL6V2QuantizedEmbeddingModel().embed(text).content().vector();
        double[] ours = encode(text)[0];
        for (int i = 0; i < ours.length; i++) {
            assertThat(ours[i]).isCloseTo(theirs[i], within(1e-6));
        }
    }

    @Test
    void aVectorDoesNotDependOnItsNeighbours() {
        double[] alone = encode("the second sentence")[0];
        assertThat(encode("first", "the second sentence", "a third one of other length")[1])
                .isEqualTo(alone);
    }

    @Test
    void emptyLongAndForeignTextsAreEncoded() {
        double[][] v = encode("", "word ".repeat(2000), "\u65e5\u672c\u8a9e \uD83D\uDE00");
        for (double[] r : v) {
            assertThat(dot(r, r)).isFinite().isGreaterThan(0.5);
        }
        assertThat(SentenceFeatures.get().fingerprint()).startsWith("all-minilm-l6-v2-q:");
    }

    @Test
    void aTextColumnBecomesFeaturesAndTravelsInThePreprocessing() throws IOException {
        Path f = dir.resolve("t.csv");
        Files.writeString(
                f,
                "id,kind,body\n1,pet,a dog barks\n2,money,the bank lends\n3,pet,the cat sleeps\n4,money,prices rise\n"
                        + "5,pet,a hamster eats\n6,money,NA\n");
        DataOptions o =
                DataOptions.defaults().withLabel("kind").withText("body").withCacheDir(dir.resolve("cache"));
        DataPair p = DataCatalog.open(f.toString(), o);
        assertThat(p.schema().x().shape()).containsExactly(384L);
        assertThat(p.note()).contains("columns not used: id");
        Preprocessing saved = p.preprocessing().orElseThrow();
        assertThat(Preprocessing.fromJson(saved.toJson())).isEqualTo(saved);
        assertThat(DataCatalog.open(f.toString(), o).train().fingerprint())
                .isEqualTo(p.train().fingerprint());
        Preprocessing other = new Preprocessing(
                1,
                List.of(new Preprocessing.Text("body", "another-encoder", 384)),
                saved.labels(),
                false,
                saved.classes(),
                saved.missing());
        try (Scope s = Scope.open();
                DataCatalog.DataStream d = DataCatalog.stream(f.toString(), o, other, (a, b, c) -> {})) {
            var l = d.rows().batches(dev.holdfast.data.Pace.inOrder(2), dev.holdfast.tensor.Rng.of(0));
            assertThatThrownBy(l::next).hasMessageContaining("another-encoder");
            l.close();
        }
    }
}
