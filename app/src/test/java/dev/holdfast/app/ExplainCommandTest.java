package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.terminal.ExitCodes;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExplainCommandTest {
    @TempDir
    Path folder;

    private static Ran ok(Ran r) {
        assertThat(r.code()).as(r.err() + r.out()).isZero();
        return r;
    }

    private Path learnt(Path csv, String... more) {
        Path model = folder.resolve("model");
        Object[] args = new Object[12 + more.length];
        List<Object> fixed = List.of(
                "learn",
                csv,
                "--label",
                "kind",
                "--learner",
                "component-net",
                "--epochs",
                "20",
                "--out",
                model,
                "--set",
                "components=6");
        for (int i = 0; i < 12; i++) {
            args[i] = fixed.get(i);
        }
        System.arraycopy(more, 0, args, 12, more.length);
        ok(TinyData.run(args));
        return model;
    }

    @Test
    void tellsRadiusAndReasoningOfRowsOfATable() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 200, 3, 1);
        Path model = learnt(csv);
        Ran said = ok(TinyData.run("explain", model, csv, "--rows", "0,5-6", "--components", "2"));
        assertThat(said.out())
                .contains("row 0: k", "row 5: k", "row 6: k", "with probability", "no change shorter than")
                .contains("expected and there")
                .doesNotContain("row 1: ");
        assertThat(said.out().lines().filter(l -> l.startsWith("  component"))).hasSize(6);

        Ran rows = ok(TinyData.run("explain", model, csv, "--rows", "0-199", "--json"));
        int right = 0;
        for (String line : rows.out().lines().toList()) {
            JsonNode n = new ObjectMapper().readTree(line);
            right += n.get("class").asText().equals(n.get("label").asText()) ? 1 : 0;
            double sum = n.get("expectedAndThere").asDouble()
                    + n.get("unexpectedAndAbsent").asDouble()
                    + n.get("expectedAndAbsent").asDouble()
                    + n.get("unexpectedAndThere").asDouble();
            assertThat(sum).isCloseTo(1, within(1e-5));
            assertThat(n.get("radius").asDouble()).isNotNegative();
            assertThat(n.get("components").size()).isEqualTo(6);
        }
        assertThat(right).isGreaterThan(190);

        Path out = folder.resolve("explained");
        ok(TinyData.run("explain", model, csv, "--rows", "0-2", "--out", out));
        assertThat(Files.readAllLines(out.resolve("rows.csv"))).hasSize(4);
        assertThat(Files.readAllLines(out.resolve("tables.csv"))).hasSize(1 + 3 * 2 * 6);
        assertThat(Files.readString(out.resolve("index.html"))).contains("row 2", "no change shorter than");
    }

    @Test
    void drawsComponentsAndReasoningOfImages() throws Exception {
        Path model = folder.resolve("model");
        ok(TinyData.run(
                "learn",
                "sample",
                "--rows",
                "300",
                "--learner",
                "component-net",
                "--set",
                "components=4",
                "--out",
                model));
        Path out = folder.resolve("explained");
        Ran said = ok(TinyData.run("explain", model, "sample", "--rows", "0-1", "--components", "3", "--out", out));
        assertThat(said.err()).contains("index.html");
        BufferedImage component = ImageIO.read(out.resolve("component-3.png").toFile());
        assertThat(component.getWidth()).isEqualTo(112);
        String page = Files.readString(out.resolve("index.html"));
        String name =
                page.substring(page.indexOf("src=\"row-") + 5, page.indexOf(".png", page.indexOf("src=\"row-")) + 4);
        BufferedImage row = ImageIO.read(out.resolve(name).toFile());
        assertThat(row.getWidth()).isGreaterThan(4 * 112);
        // white paper, and an image on it
        assertThat(row.getRGB(0, 0)).isEqualTo(0xFFFFFFFF);
        assertThat(row.getRGB(14, 14)).isNotEqualTo(0xFFFFFFFF);
    }

    @Test
    void otherFormsTellWhatTheyCan() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 120, 3, 1);
        Path model = learnt(csv, "--set", "method=lvq");
        assertThat(ok(TinyData.run("explain", model, csv, "--rows", "1")).out())
                .contains("row 1: k", "no change shorter than")
                .doesNotContain("component");
    }

    @Test
    void refusesWhatCannotBeExplained() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 60, 3, 1);
        Path model = folder.resolve("ncm");
        ok(TinyData.run("learn", csv, "--label", "kind", "--learner", "ncm", "--out", model));
        Ran other = TinyData.run("explain", model, csv);
        assertThat(other.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(other.err()).contains("'ncm'", "component-net");
        for (String bad : List.of("a", "5-3", "1,,2", "-1", "1-2-3")) {
            assertThat(TinyData.run("explain", model, csv, "--rows=" + bad).err())
                    .contains("--rows takes positions");
        }
        Path net = learnt(csv);
        Ran far = TinyData.run("explain", net, csv, "--rows", "999");
        assertThat(far.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(far.err()).contains("no row 999");
        assertThat(TinyData.run("explain", net, csv, "--components", "0").code())
                .isEqualTo(ExitCodes.BAD_INPUT);
    }
}
