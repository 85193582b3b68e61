package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.terminal.ExitCodes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScalingCommandTest {
    @TempDir
    Path folder;

    private Path out;
    private Path text;

    @BeforeEach
    void place() throws IOException {
        out = folder.resolve("out");
        text = Files.writeString(
                folder.resolve("text.txt"), "the cat sat on the mat; the dog ran over the hills. ".repeat(60));
    }

    private Ran scaling(Object... more) {
        List<Object> all = new ArrayList<>(List.of("diagnose", "scaling"));
        all.addAll(List.of("--text", text, "--out", out, "--layers", 1, "--head-size", 8));
        all.addAll(List.of("--length", 16, "--batch-size", 4, "--steps", 12));
        all.addAll(List.of(more));
        return TinyData.run(all.toArray());
    }

    private JsonNode written() throws IOException {
        return new ObjectMapper().readTree(out.resolve("diagnosis.json").toFile());
    }

    /** Without a norm attention logits explode at a rate of 1; LayerNorm, tried, keeps them small. */
    @Test
    void tellsWhatGrowsAndWhatCuresChange() throws IOException {
        Ran r = scaling("--widths", "8,16,24", "--rates", "0.01,1", "--predict", "25.6M", "--cures");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out())
                .contains("Attention logits have grown so large", "Known to help: LayerNorm on queries and keys")
                .contains("Rate 1.0, largest attention logit: goes as size^", " at 25.6M: unstable")
                .contains("16x1: a wrong rate costs", "what was tried, 24x1", "warm-up over a quarter")
                .contains("Report: ");
        JsonNode d = written();
        assertThat(d.get("runs")).hasSize(6);
        JsonNode run = d.get("runs").get(0);
        assertThat(run.get("loss").asDouble()).isLessThan(run.get("initialLoss").asDouble());
        assertThat(run.get("looks")).hasSizeGreaterThan(5);
        assertThat(d.get("size").asDouble()).isCloseTo(25.6e6, within(1e-6));
        assertThat(d.get("found"))
                .anySatisfy(f -> assertThat(f.get("name").asText()).isEqualTo("ATTENTION_LOGITS"));
        JsonNode growth = d.get("predictions").get(1);
        assertThat(growth.get("unstable").asBoolean()).isTrue();
        assertThat(growth.get("low").asDouble())
                .isLessThanOrEqualTo(growth.get("value").asDouble());
        assertThat(growth.get("line").get(1).get(0).asDouble()).isCloseTo(25.6e6, within(1e-6));
        JsonNode plain = d.get("cures").get(0);
        JsonNode normed = d.get("cures").get(1);
        assertThat(normed.get("cure").asText()).isEqualTo("LayerNorm on queries and keys");
        assertThat(normed.get("attentionLogit").asDouble())
                .isLessThan(plain.get("attentionLogit").asDouble() / 50);
        assertThat(d.get("cures")).hasSize(5);
        assertThat(Files.readString(out.resolve("report.html"))).contains("ATTENTION_LOGITS", "echarts");
    }

    /** The same seed tells the same; one width foretells nothing; switches reach the models. */
    @Test
    void jsonIsTheSameTwice() throws IOException {
        Object[] args = {
            "--widths",
            "8",
            "--rates",
            "0.1",
            "--qk-norm",
            "layer_norm",
            "--z-loss",
            "1e-3",
            "--mu-param",
            "full",
            "--json"
        };
        Ran r = scaling(args);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(scaling(args).out()).isEqualTo(r.out());
        JsonNode d = new ObjectMapper().readTree(r.out());
        assertThat(d).isEqualTo(written());
        assertThat(d.get("predictions")).isEmpty();
        assertThat(d.get("cures")).isEmpty();
        assertThat(d.get("facts").asText()).contains("LAYER_NORM", "z-loss 0.001", "muParam FULL");
        assertThat(r.err()).contains("No known instability");
    }

    @Test
    void depthIsASizeToo() throws IOException {
        Ran r = scaling("--layers", "3,1", "--widths", "8", "--rates", "0.1", "--predict", "1M");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("8x1", "8x3: a wrong rate costs");
        assertThat(written().get("runs").get(1).get("shape").asText()).isEqualTo("8x3");
        assertThat(written().get("predictions")).isNotEmpty();
    }

    @Test
    void saysWhatItCannotTrain() throws IOException {
        refused(scaling("--widths", "12", "--rates", "0.1"), "heads of size 8");
        refused(scaling("--rates", "0"), "> 0");
        refused(scaling("--layers", "0"), "at least 1");
        refused(scaling("--rates", "1e-7"), "below the floor");
        refused(scaling("--rates", "fast"), "'fast'");
        refused(scaling("--widths", "8", "--predict", "1B"), "two sizes or more");
        refused(scaling("--widths", "8,16", "--predict", "many"), "'many'");
        refused(scaling("--warm-up", "2"), "warm-up share");
        refused(scaling("--decay", "1"), "< 1");
        refused(scaling("--qk-norm", "batch"), "LAYER_NORM");
        text = Files.writeString(folder.resolve("short.txt"), "too short a text for ten rows of sixteen bytes");
        refused(scaling(), "need at least 160");
        text = folder.resolve("none.txt");
        refused(scaling(), "none.txt");
        assertThat(out).doesNotExist();
    }

    private static void refused(Ran r, String why) {
        assertThat(r.code()).as(r.out()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(r.err()).contains(why);
    }
}
