package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.HiddenLabels;
import dev.holdfast.data.corrupt.MissingLabels;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.multilabel.Comic;
import dev.holdfast.learner.multilabel.ComicConfig;
import dev.holdfast.loss.multilabel.LabelCorrector.Recall;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library example of docs/missing-labels.md is this code, and it runs; so does what the page says of the command line. */
class MissingLabelsExampleTest {
    @TempDir
    Path dir;

    @Test
    void runs() {
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            example();
        } finally {
            System.setOut(out);
        }
        assertThat(said.toString(StandardCharsets.UTF_8))
                .contains("are missing")
                .containsPattern("\\d+ labels recalled, the first \\d+ times");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/missing-labels.md", MissingLabelsExampleTest.class);
    }

    private static void example() {
        // guide
        DataPair data = DataCatalog.open("canvas?rows=400", DataOptions.defaults());
        WithTruth<HiddenLabels> partial = new MissingLabels(0.4).apply(data.train(), Rng.of(1));
        Scenario once = Joint.of(Dealing.offline(4, 32), partial.data(), data.test());
        ComicConfig config = ComicConfig.of(NetConfig.defaults()).with(true, true, false);
        try (Scope memory = Scope.open();
                Comic learner = new Comic(config, once.schema(), Rng.of(1))) {
            new Run(learner, once, List.of(), new MetricLog(), Rng.of(1)).finish();
            List<Recall> recalls = learner.missing();
            System.out.printf("%s%n", partial.truth());
            System.out.printf(
                    "%d labels recalled, the first %d times%n",
                    recalls.size(), recalls.get(0).hits());
        }
        // end of guide
    }

    /** Rows with three labels, each of which shows in a number. */
    private Path table() throws IOException {
        StringBuilder csv = new StringBuilder("a,b,c,tag_a,tag_b,tag_c\n");
        Rng rng = Rng.of(4);
        for (int i = 0; i < 240; i++) {
            int set = 1 + rng.below(7);
            for (int l = 0; l < 3; l++) {
                csv.append((set >> l & 1) + 0.2 * rng.nextGaussian()).append(',');
            }
            csv.append(set & 1)
                    .append(',')
                    .append(set >> 1 & 1)
                    .append(',')
                    .append(set >> 2 & 1)
                    .append('\n');
        }
        return Files.writeString(dir.resolve("tags.csv"), csv);
    }

    @Test
    void missingLabelsBringTheirOwnLearners() throws IOException {
        TinyData.Ran r = TinyData.run(
                "compare",
                table().toString(),
                "--label",
                "tag_*",
                "--noise",
                "missing:0.4",
                "--noise",
                "long-tail:4",
                "--out",
                dir.resolve("out").toString());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out())
                .contains("are missing", "long tail from", "average precision")
                .contains("finetune:asl", "finetune:multi-focal", "comic", "majority");
    }

    @Test
    void whatDoesNotFitTogetherIsRefused() throws IOException {
        String[] compare = {
            "compare",
            table().toString(),
            "--label",
            "tag_*",
            "--out",
            dir.resolve("out").toString()
        };
        assertThat(with(compare, "--noise", "missing:0.4", "--noise", "sym:0.1").err())
                .contains("makes labels of one class a row wrong, or hides");
        assertThat(with(compare, "--noise", "sym:0.1").err()).contains("one class each");
        assertThat(with(compare, "--noise", "long-tail:0").err()).contains("factor >= 1");
    }

    private static TinyData.Ran with(String[] words, String... more) {
        String[] all = java.util.Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        return TinyData.run((Object[]) all);
    }
}
