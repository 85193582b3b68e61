package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.terminal.ExitCodes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiagnoseCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private Path out;

    @BeforeEach
    void place() {
        out = folder.resolve("out");
    }

    private Ran diagnose(Object... more) {
        List<Object> all = new ArrayList<>(List.of("diagnose"));
        all.addAll(List.of(more));
        all.addAll(List.of("--out", out));
        return TinyData.run(all.toArray());
    }

    private JsonNode written() throws Exception {
        return JSON.readTree(out.resolve("diagnosis.json").toFile());
    }

    /** A rate that is too large is told by its curvature, and a smaller one, tried, has less of it. */
    @Test
    void findsARateThatIsTooLargeAndTriesCures() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 300, 3, 1);
        Ran r = diagnose(
                csv,
                "--label",
                "kind",
                "--set",
                "net.optimizer.kind=SGD",
                "--set",
                "net.optimizer.rate=2",
                "--epochs",
                10,
                "--batch-size",
                32,
                "--watched",
                60);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("Curvature has grown", "as it is", "a third of the rate", "Report: ");
        JsonNode d = written();
        assertThat(d.get("symptoms"))
                .anySatisfy(s -> assertThat(s.get("name").asText()).isEqualTo("EDGE_OF_STABILITY"));
        assertThat(d.get("cures")).anySatisfy(t -> {
            assertThat(t.get("cure").asText()).isEqualTo("a third of the rate");
            assertThat(t.get("settings").asText()).contains("net.optimizer.rate=0.66");
            assertThat(t.get("testAccuracy").asDouble()).isBetween(0.0, 1.0);
        });
        JsonNode last = d.get("diary").get(d.get("diary").size() - 1);
        assertThat(last.get("edge").asDouble()).isEqualTo(1.0);
        assertThat(last.get("sharpness").asDouble()).isPositive();
        assertThat(last.get("gradient_norm").asDouble()).isPositive();
        assertThat(Files.readString(out.resolve("report.html"))).contains("EDGE_OF_STABILITY", "echarts");

        // the diary of a run can be replayed, and says the same
        Path diary = Files.copy(out.resolve("diary.csv"), folder.resolve("diary.csv"));
        Ran replay = diagnose("--log", diary);
        assertThat(replay.code()).as(replay.err()).isZero();
        assertThat(replay.out()).contains("Curvature has grown").doesNotContain("as it is");
        assertThat(written().get("diary")).isEqualTo(d.get("diary"));
    }

    /** Images of rows that pull against each other are in the report; the same seed tells the same. */
    @Test
    void showsTheRowsThemselves() throws Exception {
        Object[] args = {
            "sample",
            "--rows",
            600,
            "--set",
            "net.optimizer.kind=SGD",
            "--set",
            "net.optimizer.rate=0.2",
            "--epochs",
            120,
            "--batch-size",
            600,
            "--watched",
            400,
            "--no-cures",
            "--json"
        };
        Ran r = diagnose(args);
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode d = JSON.readTree(r.out());
        assertThat(d.get("cures")).isEmpty();
        assertThat(d.get("symptoms")).isNotEmpty();
        assertThat(d.get("groups").get("a").get(0).get("picture").asText()).startsWith("data:image/png;base64,");
        assertThat(d.get("groups").get("alternation").asDouble()).isGreaterThan(0.8);
        assertThat(d.get("groups").get("cosine").asDouble()).isNegative();
        assertThat(diagnose(args).out()).isEqualTo(r.out());
    }

    @Test
    void nothingIsFoundWhereNothingIsWrong() throws Exception {
        Path log = Files.writeString(
                folder.resolve("log.csv"), "step,loss,gradient_norm\n0,2.3,1\n10,1.5,1.2\n20,1.1,0.9\n");
        Ran r = diagnose("--log", log);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("Nothing that is known to go wrong");
        Files.writeString(log, "step,loss,gradient_norm\n0,2.3,1\n10,1.5,\n20,1.1,0.9\n30,9,30\n");
        assertThat(diagnose("--log", log).out()).contains("diverged", "many times as long");
    }

    @Test
    void driftingOutputLogitsAreTold() throws Exception {
        Path log = Files.writeString(
                folder.resolve("log.csv"), "step,loss,log_z,attention_logit\n0,2.3,0,1\n10,1,-9,5e3\n");
        Ran r = diagnose("--log", log);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("Output logits drift", "9.00", "Attention logits have grown", "5.00e+03");
        Files.writeString(log, "step,loss,log_z,attention_logit\n0,2.3,0,1\n10,1,9,50\n");
        assertThat(diagnose("--log", log).out()).contains("Nothing that is known to go wrong");
    }

    /** A transformer's attention logits are watched, and grow with a rate that is too large. */
    @Test
    void attentionLogitsOfTransformersAreWatched() throws Exception {
        Object[] args = {
            "sample",
            "--rows",
            200,
            "--set",
            "net.backbone.kind=VIT",
            "--set",
            "net.optimizer.kind=ADAM",
            "--set",
            "net.optimizer.rate=0.3",
            "--epochs",
            2,
            "--watched",
            40,
            "--looks",
            4,
            "--window",
            0,
            "--no-cures"
        };
        Ran r = diagnose(args);
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode diary = written().get("diary");
        double first = diary.get(0).get("attention_logit").asDouble();
        double last = diary.get(diary.size() - 1).get("attention_logit").asDouble();
        assertThat(first).isPositive();
        assertThat(last).isGreaterThan(10 * first);
    }

    @Test
    void saysWhatItCannotDiagnose() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 120, 3, 1);
        assertThat(diagnose(csv, "--label", "kind", "--learner", "ncm").err()).contains("'ncm'", "nothing to watch");
        assertThat(diagnose(csv, "--label", "kind", "--watched", 3).err()).contains("--watched");
        assertThat(diagnose(csv, "--label", "kind", "--set", "net.optimizer.rte=1")
                        .err())
                .contains("rte");
        Ran none = diagnose();
        assertThat(none.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(none.err()).contains("Data to train on, or --log FILE, are missing");
        Path log = Files.writeString(folder.resolve("log.csv"), "step,lss\n0,2\n");
        assertThat(diagnose("--log", log).err()).contains("'lss'", "gradient_norm");
        Files.writeString(log, "loss\n2\n");
        assertThat(diagnose("--log", log).err()).contains("no column 'step'");
        Files.writeString(log, "step,loss\n0,two\n");
        assertThat(diagnose("--log", log).err()).contains("line 2", "'two'");
        Files.writeString(log, "step,loss\n0\n");
        assertThat(diagnose("--log", log).err()).contains("line 2", "1 cells");
        Files.writeString(log, "step,loss\n5,1\n3,1\n");
        assertThat(diagnose("--log", log).err()).contains("step 3", "two runs");
        assertThat(diagnose("--log", folder.resolve("none.csv")).err()).contains("no file");
        assertThat(out).doesNotExist();
    }
}
